int bed_unused_;

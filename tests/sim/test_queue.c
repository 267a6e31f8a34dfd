int test_queue_unused_;

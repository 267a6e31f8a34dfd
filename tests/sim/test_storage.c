int test_storage_unused_;

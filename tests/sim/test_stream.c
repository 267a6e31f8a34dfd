int test_stream_unused_;

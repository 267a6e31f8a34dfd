int test_trace_unused_;

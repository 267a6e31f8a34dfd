int test_faults_unused_;

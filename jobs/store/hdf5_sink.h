/* Where HDF5 writes to: a virtual file driver of ours over an open descriptor. Inner header of
 * jobs/store.
 *
 * HDF5 1.10 cannot be closed after a write of its own cache has failed: handles stay behind, and
 * the library crashes when the process ends. A full disk is not a reason to crash. So the sink
 * never fails: it keeps the first errno, takes the rest of the bytes without writing them, and HDF5
 * closes in good order; then the writer asks what happened. */
#pragma once

#include "base/status.h"

#include <hdf5.h>

struct vain_h5_sink {
    int descriptor; /* borrowed; open for reading and writing */
    int reason;     /* errno of the first failure; 0: none */
};

/* Let files created with the access list go to `sink`, which must live until they are closed; their
 * name is not used. */
void vain_h5_sink_install(hid_t access, struct vain_h5_sink *sink);

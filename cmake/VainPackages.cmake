# The libraries of docs/architecture.md ("Libraries"), found by pkg-config or CMake's own modules.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl>=3.0)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET json-c)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
if(VAIN_TESTS)
  pkg_check_modules(CUNIT REQUIRED IMPORTED_TARGET cunit)
endif()

# Debian calls the serial library hdf5-serial, others hdf5; one that was built with autotools has no module at all.
pkg_search_module(HDF5 IMPORTED_TARGET hdf5-serial hdf5)
if(NOT TARGET PkgConfig::HDF5)
  find_package(HDF5 REQUIRED COMPONENTS C)
  add_library(PkgConfig::HDF5 INTERFACE IMPORTED GLOBAL)
  target_link_libraries(PkgConfig::HDF5 INTERFACE hdf5::hdf5)
endif()

if(VAIN_MPI)
  find_package(MPI REQUIRED COMPONENTS C)
endif()

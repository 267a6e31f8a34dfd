# Compiler settings that hold for every file, and the two functions that the folders use.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Release keeps asserts: VAIN_ASSERT does not look at NDEBUG. Frame pointers make its stack readable.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")

# No contraction into fused multiply-add: the same bits on every machine (docs/architecture.md, promise 2).
add_compile_options(-ffp-contract=off -fno-omit-frame-pointer -fno-strict-aliasing
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE VAIN_VERSION="${PROJECT_VERSION}")
include_directories(${CMAKE_SOURCE_DIR})

set(VAIN_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2)
if(VAIN_WERROR)
  list(APPEND VAIN_WARNINGS -Werror)
endif()
add_compile_options("$<$<COMPILE_LANGUAGE:C>:${VAIN_WARNINGS}>")

if(VAIN_SANITIZE)
  add_compile_options(-fsanitize=${VAIN_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VAIN_SANITIZE})
endif()
if(VAIN_COVERAGE)
  # Counters of threads that run at once must not lose each other's counts.
  add_compile_options(--coverage -fprofile-update=atomic -O1)
  add_link_options(--coverage)
endif()
if(VAIN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# vain_folder(<name> SOURCES ... USES <lower folders> LIBRARIES <packages>)
# One static library for a folder. USES is the row of the include table: what is not named does not link.
function(vain_folder name)
  cmake_parse_arguments(FOLDER "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(vain_${name} STATIC ${FOLDER_SOURCES})
  foreach(lower ${FOLDER_USES})
    target_link_libraries(vain_${name} PUBLIC vain_${lower})
  endforeach()
  target_link_libraries(vain_${name} PUBLIC ${FOLDER_LIBRARIES})
endfunction()

# vain_suites(<name> SOURCES ... USES <folders> LIBRARIES <packages>)
# One CUnit program for a folder: tests/unit/<name>/*.c, linked with that folder and the ones it may call only.
function(vain_suites name)
  cmake_parse_arguments(SUITES "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(test_${name} ${SUITES_SOURCES} ${CMAKE_SOURCE_DIR}/tests/unit/suite.c)
  foreach(folder ${SUITES_USES})
    target_link_libraries(test_${name} PRIVATE vain_${folder})
  endforeach()
  target_link_libraries(test_${name} PRIVATE ${SUITES_LIBRARIES} PkgConfig::CUNIT m)
  target_compile_definitions(test_${name} PRIVATE VAIN_TEST_DATA="${CMAKE_SOURCE_DIR}/tests")
  add_test(NAME unit_${name} COMMAND test_${name})
  set_tests_properties(unit_${name} PROPERTIES LABELS unit)
endfunction()

# How everything in this tree is compiled, and the functions that its folders are described with.

set(TENON_SANITIZE "" CACHE STRING "Argument of -fsanitize= for every target, or empty")

option(TENON_WHOLE "Optimise what is installed, and what it is measured with, across its files" OFF)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(TENON_DRIVER_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib/tenon/drivers")
set(TENON_DRIVER_INSTALL_DIR "${CMAKE_INSTALL_LIBDIR}/tenon/drivers") # below the prefix

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET GLOBAL libsodium)

add_library(tenon_flags INTERFACE)
target_compile_definitions(tenon_flags INTERFACE _POSIX_C_SOURCE=200809L)
target_compile_options(tenon_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wwrite-strings -Wcast-qual -Wpointer-arith -Wundef
    -Wformat=2 -Werror $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes>)
target_link_options(tenon_flags INTERFACE -Wl,-z,relro,-z,now)
if(TENON_SANITIZE)
    target_compile_options(tenon_flags INTERFACE
        -fsanitize=${TENON_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    # Programs here are C, and lack what this check of C++ needs at run time.
    target_compile_options(tenon_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=vptr>)
    target_link_options(tenon_flags INTERFACE -fsanitize=${TENON_SANITIZE})
endif()

# The public headers: all that chat, tools, bench, examples and drivers see of this tree.
add_library(tenon_headers INTERFACE)
target_include_directories(tenon_headers INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(tenon_headers PROPERTIES EXPORT_NAME headers)
add_library(tenon::headers ALIAS tenon_headers)
install(TARGETS tenon_headers EXPORT tenon-targets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tenon" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

# tenon_optimise(TARGET...): what is on the path of a statement, on either side of a comparison.
function(tenon_optimise)
    set_target_properties(${ARGN} PROPERTIES INTERPROCEDURAL_OPTIMIZATION "${TENON_WHOLE}")
    if(TENON_WHOLE AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        foreach(target IN LISTS ARGN) # an installed kit is linked by any compiler
            target_compile_options(${target} PRIVATE -ffat-lto-objects)
        endforeach()
    endif()
endfunction()

include(tenon-driver)

# tenon_add_folders(PARENT): every folder of PARENT that has a CMakeLists.txt, but for those that are
# projects of their own, on an installed Tenon.
function(tenon_add_folders parent)
    file(GLOB lists CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${parent}/*/CMakeLists.txt")
    foreach(list IN LISTS lists)
        get_filename_component(folder "${list}" DIRECTORY)
        file(STRINGS "${list}" own_project REGEX "^project\\(")
        if(NOT own_project)
            add_subdirectory("${folder}")
        endif()
    endforeach()
endfunction()

# tenon_add_driver(NAME SOURCES file... [KIT kv|sql|pq] [LIBS target...] TEST_URL url
#                  [TEST_UNDER command...] [TEST_FRESH command])
# Builds the plugin lib/tenon/drivers/NAME.so and registers the test conformance.NAME, which runs
# on TEST_URL; "@DIR@" in it becomes a folder that the test makes and removes. TEST_UNDER starts a
# server, puts its URL for what TEST_URL says, and runs the rest; TEST_FRESH, a shell command, empties
# its database before each case.
function(tenon_add_driver name)
    cmake_parse_arguments(arg "" "KIT;TEST_URL;TEST_FRESH" "SOURCES;LIBS;TEST_UNDER" ${ARGN})
    if(NOT arg_SOURCES OR NOT arg_TEST_URL)
        message(FATAL_ERROR "tenon_add_driver(${name}): SOURCES and TEST_URL are needed")
    endif()
    tenon_add_driver_module(${name} SOURCES ${arg_SOURCES} KIT ${arg_KIT} LIBS tenon_flags ${arg_LIBS})
    set_target_properties(driver_${name} PROPERTIES
        LIBRARY_OUTPUT_DIRECTORY "${TENON_DRIVER_OUTPUT_DIRECTORY}")
    tenon_optimise(driver_${name})
    install(TARGETS driver_${name} LIBRARY DESTINATION "${TENON_DRIVER_INSTALL_DIR}")
    tenon_add_conformance(${name} DRIVER "$<TARGET_FILE:driver_${name}>" URL "${arg_TEST_URL}"
        UNDER ${arg_TEST_UNDER} FRESH "${arg_TEST_FRESH}")
    set_property(GLOBAL APPEND PROPERTY TENON_DRIVERS ${name})
endfunction()

# tenon_add_conformance(NAME DRIVER name|path URL url [UNDER command...] [FRESH command]): the test
# conformance.NAME, which is what `tenon check` says of a driver.
function(tenon_add_conformance name)
    cmake_parse_arguments(arg "" "DRIVER;URL;FRESH" "UNDER" ${ARGN})
    set(fresh)
    if(arg_FRESH)
        set(fresh --fresh "${arg_FRESH}")
    endif()
    add_test(NAME conformance.${name} COMMAND ${arg_UNDER} "$<TARGET_FILE:tenon_tool>" check
        "${arg_DRIVER}" --db "${arg_URL}" --seed 1 --brief ${fresh})
    set_tests_properties(conformance.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900
        ENVIRONMENT "TENON_DRIVER_PATH=${TENON_DRIVER_OUTPUT_DIRECTORY}")
endfunction()

# tenon_add_test(NAME SOURCES file... [LIBS target...] [ARGS arg...] [TIMEOUT seconds])
# A cmocka program; it finds the plugins of this build through TENON_DRIVER_PATH.
function(tenon_add_test name)
    cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;ARGS" ${ARGN})
    string(REPLACE "." "_" target "test_${name}")
    add_executable(${target} ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE tenon_flags tenon_cmocka ${arg_LIBS})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    add_test(NAME ${name} COMMAND ${target} ${arg_ARGS})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${arg_TIMEOUT}
        ENVIRONMENT "TENON_DRIVER_PATH=${TENON_DRIVER_OUTPUT_DIRECTORY}")
endfunction()

pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
add_library(tenon_cmocka INTERFACE)
target_link_libraries(tenon_cmocka INTERFACE PkgConfig::CMOCKA)

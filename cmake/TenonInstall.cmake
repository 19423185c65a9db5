# What `cmake --install` puts where: libraries with their pkg-config files, and the CMake package.
include(CMakePackageConfigHelpers)

if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR are to be relative to "
        "the prefix, so that what is installed can be moved as a whole")
endif()
set(TENON_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/tenon")

# tenon_install_library(TARGET DESCRIPTION text [EXPORT set] [REQUIRES name...] [LIBS flag...])
# Installs libNAME and NAME.pc, where NAME is TARGET with '-' for '_', and exports it as
# tenon::NAME without the "tenon-"; in this tree it has that name too. REQUIRES and LIBS are for
# pkg-config.
function(tenon_install_library target)
    cmake_parse_arguments(arg "" "DESCRIPTION;EXPORT" "REQUIRES;LIBS" ${ARGN})
    if(NOT arg_EXPORT)
        set(arg_EXPORT tenon-targets)
    endif()
    string(REGEX REPLACE "^tenon_" "" exported "${target}")
    string(REPLACE "_" "-" pc_name "${target}")
    set_target_properties(${target} PROPERTIES OUTPUT_NAME "${pc_name}" EXPORT_NAME "${exported}")
    add_library(tenon::${exported} ALIAS ${target})
    install(TARGETS ${target} EXPORT ${arg_EXPORT}
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
    list(JOIN arg_REQUIRES " " pc_requires)
    list(TRANSFORM arg_LIBS PREPEND " ")
    list(JOIN arg_LIBS "" pc_libs)
    configure_file("${PROJECT_SOURCE_DIR}/cmake/package/library.pc.in"
        "${PROJECT_BINARY_DIR}/package/${pc_name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/package/${pc_name}.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

# tenon_install_package(): after all targets are there. The documentation too, which messages name, and
# what it links to: the drivers and the examples are there to be read.
function(tenon_install_package)
    install(FILES "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/CONTRIBUTING.md"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
        FILES_MATCHING PATTERN "*.md" PATTERN "*.html")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/drivers" "${PROJECT_SOURCE_DIR}/examples"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
    install(EXPORT tenon-targets NAMESPACE tenon:: DESTINATION "${TENON_PACKAGE_DIR}")
    install(EXPORT tenon-pq-targets NAMESPACE tenon:: DESTINATION "${TENON_PACKAGE_DIR}")
    configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/package/tenon-config.cmake.in"
        "${PROJECT_BINARY_DIR}/package/tenon-config.cmake" INSTALL_DESTINATION "${TENON_PACKAGE_DIR}"
        PATH_VARS TENON_DRIVER_INSTALL_DIR)
    # Version 0: each minor version may change the interfaces.
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/tenon-config-version.cmake"
        COMPATIBILITY SameMinorVersion)
    install(FILES "${PROJECT_BINARY_DIR}/package/tenon-config.cmake"
        "${PROJECT_BINARY_DIR}/package/tenon-config-version.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/tenon-driver.cmake" DESTINATION "${TENON_PACKAGE_DIR}")
endfunction()

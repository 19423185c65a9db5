# How a plugin is built, in this tree and out of it.

# tenon_add_driver_module(NAME SOURCES file... [KIT kv|sql|pq|filter] [LIBS target...])
# Builds the plugin NAME.so, as the target driver_NAME. It exports its entry point only: what it is
# linked with, kits included, stays inside.
function(tenon_add_driver_module name)
    cmake_parse_arguments(arg "" "KIT" "SOURCES;LIBS" ${ARGN})
    if(NOT arg_SOURCES)
        message(FATAL_ERROR "tenon_add_driver_module(${name}): SOURCES are needed")
    endif()
    if(arg_KIT AND NOT TARGET tenon::kit_${arg_KIT})
        message(FATAL_ERROR "tenon_add_driver_module(${name}): there is no kit ${arg_KIT}; "
            "find_package(tenon COMPONENTS kit_${arg_KIT}) finds one")
    endif()
    add_library(driver_${name} MODULE ${arg_SOURCES})
    target_link_libraries(driver_${name} PRIVATE
        tenon::headers $<$<BOOL:${arg_KIT}>:tenon::kit_${arg_KIT}> ${arg_LIBS})
    target_compile_definitions(driver_${name} PRIVATE _POSIX_C_SOURCE=200809L)
    set_target_properties(driver_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
        C_STANDARD 17 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden)
    target_link_options(driver_${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,relro,-z,now)
endfunction()

# tenon_add_driver_check(NAME URL url [FRESH command])
# Registers the test check.NAME: `tenon check` on the plugin. "@DIR@" in the URL becomes a folder that
# is made for each case; FRESH, a shell command, empties the database of a server before each case.
function(tenon_add_driver_check name)
    cmake_parse_arguments(arg "" "URL;FRESH" "" ${ARGN})
    add_test(NAME check.${name} COMMAND tenon::tool check "$<TARGET_FILE:driver_${name}>" --db
        "${arg_URL}" "$<$<BOOL:${arg_FRESH}>:--fresh;${arg_FRESH}>" COMMAND_EXPAND_LISTS)
endfunction()

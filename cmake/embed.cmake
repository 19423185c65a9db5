# cmake -DROOT=folder -DOUT=file.c -DHEADER=name.h -P embed.cmake: every file of KIT/ in ROOT as bytes,
# in the list that HEADER declares.
file(GLOB_RECURSE files RELATIVE "${ROOT}" "${ROOT}/*")
list(SORT files)
set(text "/* Made by cmake/embed.cmake. */\n#include \"${HEADER}\"\n")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
    string(REGEX REPLACE "/.*" "" kit "${file}")
    string(REGEX REPLACE "^[^/]*/" "" name "${file}")
    file(READ "${ROOT}/${file}" bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND text "static const unsigned char bytes_${number}[] = { ${bytes} };\n")
    string(APPEND rows "    { \"${kit}\", \"${name}\", bytes_${number}, sizeof bytes_${number} },\n")
    math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "const template_file template_files[] = {\n${rows}};\n"
    "const size_t template_file_count = ${number};\n")
file(WRITE "${OUT}" "${text}")

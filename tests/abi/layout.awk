# layout.awk HEADER...: a C program that writes what a driver counts on in these headers: size,
# offset and type of each member of each struct that crosses the ABI, the value of each constant.
# Structs that begin with `size` and `reserved` grow; the others are frozen.

function trim(s) { gsub(/[ \t\n]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }

function constant(name) {
    if (name != "TENON_DRIVER_ABI_MINOR" && !seen[name]++)
        values[++value_count] = name
}

# One declaration of a member: `type a, b[2]`, `type (*slot)(arguments)`, `union { … } a`.
function member(struct, text,    name, type, names, n, i) {
    text = trim(text)
    if (text ~ /\(\*/) {
        name = text
        sub(/^[^(]*\(\*/, "", name)
        sub(/\).*/, "", name)
        type = text
        sub(/\(\*[a-z_0-9]+\)/, "(*)", type)
        field(struct, name, type)
        return
    }
    if (text ~ /^union/) { # each of its members stands for itself
        name = text
        sub(/.*\} */, "", name)
        gsub(/^[^{]*\{|\}.*/, "", text)
        n = split(text, names, ";")
        for (i = 1; i < n; i++) {
            type = names[i]
            sub(/[a-z_0-9]+$/, "", type)
            sub(/.*[ *]/, "", names[i])
            field(struct, name "." names[i], type)
        }
        return
    }
    n = split(text, names, /, */)
    type = names[1]
    sub(/[a-z_0-9]+(\[[^]]*\])?$/, "", type)
    for (i = 1; i <= n; i++) {
        name = names[i]
        sub(/.*[ *]/, "", name)
        field(struct, name, type)
    }
}

function field(struct, name, type) {
    if (name ~ /\[/) {
        sub(/\[.*/, "", name)
        type = type " *"
    }
    if (++count[struct] == 1)
        grows[struct] = name == "size"
    fields[struct, count[struct]] = name
    types[struct, count[struct]] = trim(type)
}

{ # comments and continued lines
    line = $0
    while (sub(/\\$/, "", line) && (getline more) > 0)
        line = line more
    gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", line)
    if (in_comment) {
        if (line !~ /\*\//) next
        sub(/.*\*\//, "", line)
        in_comment = 0
    }
    if (line ~ /\/\*/) {
        sub(/\/\*.*/, "", line)
        in_comment = 1
    }
}

line ~ /^#define TENON_STATUS_MAP/ {
    while (match(line, /X\([A-Z_]+, [0-9]/)) {
        constant("TENON_" substr(line, RSTART + 2, RLENGTH - 5))
        line = substr(line, RSTART + RLENGTH)
    }
    next
}

line ~ /^#define TENON_[A-Z0-9_]+[ \t]+(-?[0-9(]|U?INT(8|16|32|64)_(C|MAX))/ {
    split(line, words, /[ \t]+/)
    constant(words[2])
    next
}
line ~ /^#/ { next }

line ~ /^(typedef )?struct (tenon_drv_[a-z_]+|tenon_driver|tenon_host|tenon_value|tenon_error|tenon_uuid) \{/ {
    struct = line
    sub(/.*struct /, "", struct)
    sub(/ .*/, "", struct)
    structs[++struct_count] = struct
    text = ""
    next
}
struct != "" && line ~ /^\}/ { struct = ""; next }
struct != "" {
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        depth += (c == "{" || c == "(") - (c == "}" || c == ")")
        if (c == ";" && depth == 0) {
            member(struct, text)
            text = ""
        } else {
            text = text c
        }
    }
    text = text " "
    next
}

line ~ /^enum (\{|[a-z_]+ \{)/ { in_enum = 1; sub(/^[^{]*\{/, "", line) }
in_enum {
    n = split(line, words, ",")
    for (i = 1; i <= n; i++) {
        name = trim(words[i])
        sub(/[ =}].*/, "", name)
        if (name ~ /^TENON_[A-Z0-9_]+$/)
            constant(name)
    }
    if (line ~ /\}/)
        in_enum = 0
}

END {
    print "#include <stdio.h>"
    print "#include \"tenon/driver.h\""
    print "int main(void)\n{"
    for (s = 1; s <= struct_count; s++) {
        name = structs[s]
        type = name == "tenon_driver" ? "struct tenon_driver" : name
        printf "    printf(\"ABI_%s(%s, %%zu)\\n\", sizeof(%s));\n", grows[name] ? "GROWS" : "FROZEN", type, type
        for (i = 1; i <= count[name]; i++)
            printf "    printf(\"ABI_MEMBER(%s, %s, %%zu, %%zu, %s)\\n\", offsetof(%s, %s), sizeof(((%s *)0)->%s));\n",
                type, fields[name, i], types[name, i], type, fields[name, i], type, fields[name, i]
    }
    for (i = 1; i <= value_count; i++)
        printf "    printf(\"ABI_VALUE(%s, INT64_C(%%lld))\\n\", (long long)%s);\n", values[i], values[i]
    print "    return 0;\n}"
}

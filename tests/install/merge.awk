# awk -f merge.awk BLOCK FILE: FILE, a C source, with the items of BLOCK in the place of those that have
# the same name. An item that FILE does not have goes before the one that follows it in BLOCK; an
# #include before the last group of them. Items are separated by blank lines outside of braces.

function name_of(text,    lines, count, i, words) {
    count = split(text, lines, "\n")
    for (i = 1; i <= count; i++) {
        if (lines[i] ~ /^#include/)
            return "#include"
        if (lines[i] ~ /^#define/) {
            split(lines[i], words, " ")
            return "#define " words[2]
        }
        if (lines[i] ~ /^struct [a-z_0-9]+ \{/) {
            split(lines[i], words, " ")
            return "struct " words[2]
        }
        if (lines[i] ~ /^[A-Za-z_0-9]+\(/) {
            split(lines[i], words, "(")
            return words[1]
        }
        if (lines[i] ~ /^static .* = \{?/ || lines[i] ~ /^static .* =$/) {
            sub(/(\[\])? =.*/, "", lines[i])
            return substr(lines[i], match(lines[i], /[A-Za-z_0-9]+$/))
        }
    }
    return ""
}

function end_item() {
    if (item == "")
        return
    if (NR == FNR) {
        block[++block_count] = item
        block_name[block_count] = name_of(item)
    } else {
        file[++file_count] = item
        file_name[file_count] = name_of(item)
        place[file_name[file_count]] = file_count
    }
    item = ""
}

FNR == 1 && NR != 1 { # the first file has ended
    kept = $0
    saved_nr = NR
    if (item != "") {
        block[++block_count] = item
        block_name[block_count] = name_of(item)
        item = ""
    }
    depth = 0
}

{
    if ($0 == "" && depth == 0) {
        end_item()
        next
    }
    item = item (item == "" ? "" : "\n") $0
    opened = gsub(/\{/, "{")
    depth += opened - gsub(/\}/, "}")
}

END {
    end_item()
    for (i = block_count; i >= 1; i--) {
        name = block_name[i]
        if (name == "#include")
            before[place["#include"]] = block[i] "\n\n" before[place["#include"]]
        else if (name in place) {
            file[place[name]] = block[i]
            at = place[name]
        } else if (at == "") {
            print "merge.awk: nothing follows " name " that is in the file" >"/dev/stderr"
            exit 1
        } else
            before[at] = block[i] "\n\n" before[at]
    }
    for (i = 1; i <= file_count; i++)
        printf "%s%s%s\n", i == 1 ? "" : "\n", before[i], file[i]
}

# reference.awk HEADER...: the reference of headers, as Markdown, from their declarations and doc comments.

function trim(s) { gsub(/[ \t\n]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }

# Text of a comment, outside of `code` without what Markdown would take for its own.
function plain(s,    parts, n, i, out) {
    n = split(s, parts, "`")
    for (i = 1; i <= n; i++) {
        if (i % 2) {
            gsub(/\*/, "\\*", parts[i])
            gsub(/</, "\\<", parts[i])
            parts[i] = named(parts[i])
        }
        gsub(/\|/, "\\|", parts[i])
        out = out (i > 1 ? "`" : "") parts[i]
    }
    return out
}

# Names in the text as code: they are what has an underscore in it.
function named(s,    out) {
    while (match(s, /[A-Za-z0-9]*_[A-Za-z0-9_]*([.][a-z_]*[a-z])?/)) {
        out = out substr(s, 1, RSTART - 1) "`" substr(s, RSTART, RLENGTH) "`"
        s = substr(s, RSTART + RLENGTH)
    }
    return out s
}

# A doc comment as paragraphs and a list of its @param, @return, @retval.
function prose(doc,    parts, n, i, out, text, name, how) {
    n = split(doc, parts, /@/)
    out = paragraphs(parts[1])
    for (i = 2; i <= n; i++) {
        text = trim(parts[i])
        if (text ~ /^param/) {
            how = ""
            sub(/^param/, "", text)
            if (text ~ /^\[/) {
                how = text
                sub(/\].*/, "", how)
                how = " (" substr(how, 2) ")"
                sub(/^\[[^]]*\]/, "", text)
            }
            text = trim(text)
            name = text
            match(text, /^[a-z_A-Z0-9]+(, [a-z_A-Z0-9]+)*/)
            name = substr(text, 1, RLENGTH)
            if (name ~ /, / && text !~ /^[a-z_]+, [a-z_]+( |$)/) {
                match(text, /^[a-z_A-Z0-9]+/)
                name = substr(text, 1, RLENGTH)
            }
            text = trim(substr(text, length(name) + 1))
            out = out "\n- `" name "`" how ": " plain(text)
        } else if (text ~ /^ret(urn|val) /) {
            sub(/^ret(urn|val) /, "", text)
            out = out "\n- returns " plain(text)
        } else {
            out = out " @" plain(text)
        }
    }
    sub(/^\n+/, "", out)
    return out
}

function paragraphs(text,    parts, n, i, out) {
    n = split(text, parts, /\n[ \t]*\n/)
    for (i = 1; i <= n; i++)
        if (trim(parts[i]) != "")
            out = out (out != "" ? "\n\n" : "") plain(trim(parts[i]))
    return n > 0 && out != "" ? out "\n" : out
}

# The same in one cell of a table.
function cell(doc,    out) {
    out = prose(doc)
    gsub(/\n- /, "; ", out)
    out = trim(out)
    gsub(/[.] ?;/, ";", out)
    return out
}

# The text of the comment that begins `s`; `rest` becomes what follows it.
function comment(s,    end, text) {
    end = index(s, "*/")
    text = substr(s, 1, end - 1)
    rest = substr(s, end + 2)
    sub(/^\/\*\*<?/, "", text)
    gsub(/\n[ \t]*\*/, "\n", text)
    return text
}

# Declarations without a comment of their own belong to what stands before them.
function flush_held() {
    if (held_code != "")
        block(held_code)
    if (held_doc != "")
        print prose(held_doc) "\n"
    held_code = held_doc = ""
}

function end_table() { flush_held(); if (in_table) print ""; in_table = 0 }

function row(left, right) {
    flush_held()
    gsub(/\|/, "\\|", left)
    if (!in_table)
        print "| | |\n|---|---|"
    in_table = 1
    print "| `" left "` | " right " |"
}

function block(code) { print "```c\n" code "\n```\n" }

# A declaration on one line, or broken behind its commas at 100 characters.
function folded(code,    words, n, i, line, out) {
    code = trim(code)
    n = split(code, words, /, /)
    for (i = 1; i <= n; i++) {
        if (i < n)
            words[i] = words[i] ","
        if (line != "" && length(line) + length(words[i]) > 98) {
            out = out line "\n"
            line = "    " words[i]
        } else {
            line = line (line != "" ? " " : "") words[i]
        }
    }
    return out line
}

# ---- Structs ----

function short_name(name) {
    sub(/^tenon_drv_/, "", name)
    sub(/^tenon_/, "", name)
    sub(/_(ops|engine)$/, "", name)
    return name
}

function emit_member(struct, text, doc,    name) {
    text = trim(text)
    if (text ~ /\(\*[a-z_0-9]+\)\(/) {
        end_table()
        name = text
        sub(/^[^(]*\(\*/, "", name)
        sub(/\).*/, "", name)
        print "#### " short_name(struct) "." name "\n"
        block(folded(text) ";")
        if (doc != "")
            print prose(doc) "\n"
        return
    }
    row(text, cell(doc))
}

function emit_struct(name, body, doc,    before, text, depth, c) {
    print "### " name "\n"
    if (doc != "")
        print prose(doc) "\n"
    before = ""
    text = ""
    while (body != "") {
        if (match(body, /^[ \t\n]+/)) {
            text = text " "
            body = substr(body, RLENGTH + 1)
        } else if (body ~ /^\/\*\*/) {
            before = comment(body)
            body = rest
        } else {
            c = substr(body, 1, 1)
            body = substr(body, 2)
            depth += (c == "{") - (c == "}")
            if (c != ";" || depth > 0) {
                text = text c
                continue
            }
            if (match(body, /^[ \t\n]*\/\*\*</)) {
                sub(/^[ \t\n]*/, "", body)
                before = comment(body)
                body = rest
            }
            emit_member(name, text, before)
            text = before = ""
        }
    }
    end_table()
}

function emit_enum(name, body, doc,    item, text) {
    if (name != "")
        print "### " name "\n"
    if (doc != "")
        print prose(doc) "\n"
    if (body ~ /#define/) # made by a macro, which is documented itself
        return
    while (body != "") {
        sub(/^[ \t\n]+/, "", body)
        if (body == "")
            break
        match(body, /^[^,\/]+/)
        item = trim(substr(body, 1, RLENGTH))
        body = substr(body, RLENGTH + 1)
        text = ""
        sub(/^,/, "", body)
        if (match(body, /^[ \t\n]*\/\*\*</)) {
            sub(/^[ \t\n]*/, "", body)
            text = comment(body)
            body = rest
        }
        row(item, cell(text))
    }
    end_table()
}

# ---- Declarations ----

function flush_doc() {
    if (doc != "") {
        end_table()
        print prose(doc) "\n"
    }
    doc = ""
}

function emit(decl,    name, body, text) {
    if (decl ~ /^typedef struct [a-z_]+ [a-z_]+;/) {
        row(trim(decl), cell(doc))
    } else if (decl ~ /^(typedef )?struct [a-z_]+ \{/ || decl ~ /^enum [a-z_]* ?\{/) {
        end_table()
        name = decl
        sub(/ \{.*/, "", name)
        sub(/.*(struct|enum) ?/, "", name)
        body = substr(decl, index(decl, "{") + 1)
        match(body, /\}[^}]*$/)
        text = substr(body, RSTART)
        body = substr(body, 1, RSTART - 1)
        if (decl ~ /^enum/)
            emit_enum(name, body, doc)
        else
            emit_struct(name, body, doc)
    } else {
        if (doc != "")
            end_table()
        if (decl ~ /^static inline/) {
            sub(/\{.*/, "", decl)
            decl = trim(decl) ";"
        }
        sub(/^__attribute__\(\((cold, )?format\(printf, [0-9]+, [0-9]+\)\)\)/, "", decl)
        sub(/^TENON_API /, "", decl)
        held_code = held_code (held_code != "" ? "\n" : "") folded(decl)
        held_doc = doc != "" ? doc : held_doc
    }
    doc = ""
}

function emit_define(text,    name, value, about) {
    about = doc
    if (match(text, /\/\*\*<.*\*\//)) {
        about = comment(substr(text, RSTART))
        text = substr(text, 1, RSTART - 1)
    }
    sub(/^#define /, "", text)
    if (match(text, /^[A-Z0-9_]+\([^)]*\)/)) {
        end_table()
        name = substr(text, 1, RLENGTH)
        text = substr(text, RLENGTH + 1)
        block("#define " name)
        if (about != "")
            print prose(about) "\n"
        while (name ~ /\(X\)$/ && match(text, /X\([^)]*\)/)) { # a list
            row(substr(text, RSTART + 2, RLENGTH - 3), "")
            text = substr(text, RSTART + RLENGTH)
        }
    } else if (match(text, /^[A-Z0-9_]+[ \t]+[^ \t]/)) {
        row(trim(text), cell(about))
    }
    doc = ""
}

FNR == 1 { end_table(); doc = decl = ""; depth = 0; before_guard = 1 }

/^\/\*\*/ && decl == "" {
    text = $0
    while (text !~ /\*\// && (getline line) > 0)
        text = text "\n" line
    flush_doc()
    doc = comment(text)
    if (before_guard && doc ~ /@file/) {
        sub(/^[ \t\n]*@file /, "", doc)
        doc = trim_first(doc)
        before_guard = 0
    }
    next
}

# The file's own comment: a heading of its name.
function trim_first(doc,    name) {
    match(doc, /^[a-z]+\.h/)
    name = substr(doc, 1, RLENGTH)
    header = FILENAME
    sub(/.*include\//, "", header)
    print "## " header "\n"
    print prose(substr(doc, RLENGTH + 1)) "\n"
    return ""
}

/^\/\*/ && decl == "" {
    text = $0
    while (text !~ /\*\// && (getline line) > 0)
        text = text " " line
    flush_doc()
    end_table()
    gsub(/^\/\*|\*\/$/, "", text)
    gsub(/----/, "", text)
    gsub(/ \* /, " ", text)
    text = trim(text)
    name = text
    sub(/[.:] .*/, "", name)
    print "### " name "\n"
    if (name != text) {
        sub(/^[^.:]*[.:] /, "", text)
        print plain(text) "\n"
    }
    next
}

decl == "" && /^#define [A-Z0-9_]+_H$/ { next }
decl == "" && /^#define/ {
    text = $0
    while (sub(/[ \t]*\\$/, "", text) && (getline line) > 0)
        text = text " " line
    emit_define(text)
    next
}
/^#/ && $1 != "#define" { next }
decl == "" && (/^extern "C" \{/ || /^\}$/) { next }
decl == "" && /^[ \t]*$/ { flush_doc(); next }

{
    decl = decl (decl != "" ? "\n" : "") $0
    code = $0
    gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", code) # whole comments of one line hold no code
    depth += gsub(/\{/, "{", code) - gsub(/\}/, "}", code)
    if (depth == 0 && (code ~ /;[ \t]*$/ || (decl ~ /^static inline/ && code ~ /^\}/))) {
        emit(decl)
        decl = ""
    }
}

END { end_table() }

# Results of replays compared: the same state or another, and files that are no results.
. "$(dirname "$0")/lib.sh"

# result FILE EVENTS DIGEST DENIED
result()
{
    printf '{"driver":"x","events":%s,"digest":"%s","refused":{"DENIED":%s}}\n' "$2" "$3" "$4" \
        >"$folder/$1"
}

result a.json 3 12ab 1
result same.json 3 12ab 1
result events.json 4 12ab 1
result digest.json 3 12ac 1
result refused.json 3 12ab 2
echo '{}' >"$folder/empty.json"
printf '{"driver":\n"x"' >"$folder/torn.json"

run 0 compare "$folder/a.json" "$folder/same.json"
grep -q "Both end in the same state" "$out" || fail "agreement is not said"
run 0 compare --json "$folder/a.json" "$folder/same.json"
same "$(field "$out" agree)" true "agree"

for other in events digest refused empty; do
    run 1 compare "$folder/a.json" "$folder/$other.json"
    grep -q "do NOT end in the same state" "$out" || fail "the difference of $other is not said"
    run 1 compare --json "$folder/a.json" "$folder/$other.json"
    same "$(field "$out" agree)" false "agree"
done
run 0 compare "$folder/a.json" "$folder/same.json" "$folder/a.json"
grep -q "All end in the same state" "$out" || fail "agreement of three is not said"
run 1 compare "$folder/a.json" "$folder/same.json" "$folder/refused.json"
run 1 compare --json "$folder/a.json" "$folder/same.json" "$folder/same.json" "$folder/digest.json"
same "$(field "$out" agree)" false "agree"
run 2 compare "$folder/a.json" "$folder/a.json" "$folder/a.json" "$folder/a.json" "$folder/a.json"
says "too many arguments"
run 1 compare "$folder/empty.json" "$folder/empty.json" # nothing to agree on

run 2 compare "$folder/a.json" "$folder/torn.json"
says "torn.json: line 2"
run 2 compare "$folder/missing.json" "$folder/a.json"
says "missing.json"
run 2 compare "$folder/a.json"

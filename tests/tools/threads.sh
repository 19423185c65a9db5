# One thread and four leave the same content, which every driver agrees on.
. "$(dirname "$0")/lib.sh"

"$TENON" generate --events 3000 --seed 5 >"$folder/trace"
run 0 replay "$folder/trace" "$(url one.db)" --json "$folder/one.json"
wanted=$(field "$folder/one.json" digest) || exit 1
same "$(cat "$(dirname "$0")/threads.digest")" "$wanted" 'digest of 3,000 events, seed 5'
for round in 1 2 3; do
    run 0 replay "$folder/trace" "$(url four$round.db)" --threads 4 --json "$folder/four.json"
    same "$wanted" "$(field "$folder/four.json" digest)" "digest with four threads, round $round"
    for key in events applied transactions refused; do
        same "$(field "$folder/one.json" $key)" "$(field "$folder/four.json" $key)" \
            "$key with four threads, round $round"
    done
done
[ "$driver" = memory ] && exit 0
same "$wanted" "$(digest_of one.db)" 'digest, read again'
run 0 verify "$(url four3.db)"
exit 0

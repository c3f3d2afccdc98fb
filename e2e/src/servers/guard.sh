# Ends the servers of a test process and removes their folders, however that process ended:
# it holds the other end of our standard input.
trap '' HUP INT TERM
root=$1
while read -r _; do :; done

children() { grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | cut -d/ -f3; }
is_there() { [ -e "/proc/$1" ] && ! grep -qs '^State:[[:space:]]*[ZX]' "/proc/$1/status"; }

for file in "$root"/pids/*; do
  read -r signal pid 2>/dev/null <"$file" || continue
  family=$(children "$pid")
  kill -s "$signal" -- "-$pid"
  kill -s CONT -- "-$pid" $family
  tries=0
  while is_there "$pid" && [ $((tries += 1)) -le 60 ]; do sleep 0.05; done
  is_there "$pid" && kill -s KILL -- "-$pid" $family
done 2>/dev/null
for link in "$root"/elsewhere/*; do
  [ -L "$link" ] && rm -rf "$(readlink "$link")"
done
rm -rf "$root"

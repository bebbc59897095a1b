#!/bin/sh
# lint-install.sh - what an installation leaves is enough for a user.
#
# Installs into a scratch folder, then builds README's program from there with
# pkg-config, shared and static, and runs both.
set -eu
root=$(mktemp -d "${TMPDIR:-/tmp}/install.XXXX")
trap 'rm -rf "$root"' EXIT
make install PREFIX="$root" >/dev/null

export PKG_CONFIG_PATH="$root/lib/pkgconfig"
sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$root/program.c"
cd "$root"
gcc -Wall -Wextra -Werror program.c -o shared $(pkg-config --cflags --libs leat)
gcc -Wall -Wextra -Werror program.c -o static $(pkg-config --cflags leat) \
	lib/libleat.a -lhwloc -lurcu-memb -lurcu-cds -lurcu-common \
	-ldw -lelf -pthread

bin/leat-copies $(pkg-config --cflags leat) program.c

readelf -d shared | grep -q 'NEEDED.*libleat.so.0' || {
	echo "the program does not ask for libleat.so.0"
	exit 1
}
for program in ./shared ./static; do
	said=$(LD_LIBRARY_PATH=lib $program | tr '\n' ' ')
	[ "$said" = "1 4 9 16 " ] || {
		echo "$program should have said four squares, not: $said"
		exit 1
	}
done

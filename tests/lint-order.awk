# lint-order.awk - every order stronger than relaxed says whom it pairs with.
#
#	/* [push.tail] pairs with [steal.tail], [grab.tail]: why. */
#	a_store(&q->tail, tail + 1, release);
#
#	a comment	gives one label, or several, and each one's partners
#	an operation	uses up the labels of the comment right above it
#	the end		every partner exists, and names this label too
#
# Give it all files at once: partners live in different files.  Assembly has
# no operation to recognise, so there its labels only count as partners.

function complain(where, what)
{
	print where ": " what
	bad = 1
}

# One whole comment, its lines joined: "... [a.b] pairs with [c.d], [e.f]: ..."
function comment(text,    n, part, i, label, list)
{
	n = split(text, part, / pairs with /)
	for (i = 1; i < n; i++) {
		label = part[i]
		if (!match(label, /\[[a-z0-9_.]+\][ \t]*$/)) {
			complain(FILENAME ":" FNR, "pairs with ..., but no [label] before it")
			continue
		}
		label = substr(label, RSTART)
		sub(/[ \t]+$/, "", label)
		if (label in place)
			complain(FILENAME ":" FNR, label " is used at " place[label] " too")
		place[label] = FILENAME ":" FNR
		above[FILENAME] = FNR

		# The partners are the labels up to the first other word.
		list = part[i + 1]
		while (match(list, /^((,|and|[ \t])*)\[[a-z0-9_.]+\]/)) {
			it = substr(list, RSTART, RLENGTH)
			list = substr(list, RSTART + RLENGTH)
			sub(/^[^[]*/, "", it)
			pairs[label, it] = 1
			partners[label]++
		}
		if (!partners[label])
			complain(place[label], label " names no partner")
	}
}

FNR == 1 {
	inside = 0
	said = ""
	assembly = FILENAME ~ /\.S$/
}

# What is comment and what is code on this line.
{
	rest = $0
	code = ""
	while (rest != "") {
		if (inside) {
			at = index(rest, "*/")
			said = said " " (at ? substr(rest, 1, at - 1) : rest)
			rest = at ? substr(rest, at + 2) : ""
			if (at) {
				inside = 0
				gsub(/[ \t]+(\*[ \t]+)?/, " ", said)
				gsub(/"[^"]*"/, "", said)
				comment(said)
				said = ""
			}
		} else {
			at = index(rest, "/*")
			code = code (at ? substr(rest, 1, at - 1) : rest)
			rest = at ? substr(rest, at + 2) : ""
			inside = at > 0
		}
	}
}

# An operation is looked at on the line where its order stands; it may have
# begun, and its comment ended, a few lines above.
!assembly && code !~ /^[ \t]*#[ \t]*define/ &&
code ~ /(^|[^a-z_])(acquire|release|acq_rel|seq_cst|consume)\)/ {
	if (!(FILENAME in above) || FNR - above[FILENAME] > 4)
		complain(FILENAME ":" FNR, "an order without [label] pairs with [label] above it")
}

# The next statement needs a comment of its own: a label ends where its
# operation's statement does.
code ~ /(acquire|release|acq_rel|seq_cst|consume)\)/ { used[FILENAME] = 1 }
used[FILENAME] && code ~ /[;{]/ {
	delete above[FILENAME]
	used[FILENAME] = 0
}

END {
	for (k in pairs) {
		split(k, p, SUBSEP)
		if (!(p[2] in place))
			complain(place[p[1]], p[1] " pairs with " p[2] ", which is nowhere")
		else if (!((p[2], p[1]) in pairs))
			complain(place[p[2]], p[2] " does not name " p[1])
	}
	exit bad
}

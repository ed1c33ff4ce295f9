// Package artifact turns what a build made into one file that is named by its content, and back.
//
// An artifact is a tar, compressed with zstd, named by the sha256 of the compressed bytes. Pack is deterministic: the same files give the same bytes on
// every machine, whatever their times, owners and umask, so that equal builds are stored and fetched once.
//
// Unpack trusts nothing but the hash it was given:
//
//	bytes ──> sha256 ──> zstd ──> tar ──> .name.tmp-… ──(hash right, synced)──rename──> name
//
// The destination appears whole and right, or not at all. No entry is ever written outside of it: names are checked, parents must be folders that the same
// artifact made, and the operating system is asked through os.Root, which refuses to leave the folder even where a check here were wrong.
//
// A symbolic link is kept if it stays inside, by a rule that can be checked one link at a time: its target is relative, and ".." stands only at its
// front. A link lies in a real folder (never behind another link), so leading ".." are exact, and what follows goes down only, at most through other
// links of which the same holds.
package artifact

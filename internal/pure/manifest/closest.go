package manifest

import "strings"

// closest returns the candidate that was probably meant by a misspelt name:
// the one with the fewest edits, at most one edit for three letters.
func closest(name string, candidates []string) (string, bool) {
	const longest = 64
	if name == "" || len(name) > longest {
		return "", false
	}
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	best, fewest := "", max(1, len(name)/3)+1
	for _, candidate := range candidates {
		if edits := editDistance(plain(name), plain(candidate)); edits < fewest {
			best, fewest = candidate, edits
		}
	}
	return best, best != ""
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b (optimal string alignment).
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		row := make([]int, len(t)+1)
		row[0] = i + 1
		for j := range t {
			replace := last[j]
			if s[i] != t[j] {
				replace++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, replace)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}

package testreport

import (
	"path"
	"strings"
)

// MatchesGlob reports whether a file, named relative to the checkout with
// slashes, is one of the report files that glob stands for. In the glob, *
// matches within one folder and ** any number of folders. An empty or broken
// glob matches nothing.
func MatchesGlob(glob, name string) bool {
	return glob != "" && matchParts(strings.Split(path.Clean(glob), "/"), strings.Split(path.Clean(name), "/"))
}

// matchParts matches part by part. Each ** restarts at most once a part of the
// name, since only the last ** passed needs to be tried again.
func matchParts(glob, name []string) bool {
	star, resume, g, n := -1, 0, 0, 0
	for n < len(name) {
		switch {
		case g < len(glob) && glob[g] == "**":
			star, resume = g, n
			g++
		case g < len(glob) && partMatches(glob[g], name[n]):
			g++
			n++
		case star >= 0:
			resume++
			g, n = star+1, resume
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == "**" {
		g++
	}
	return g == len(glob)
}

func partMatches(glob, part string) bool {
	ok, err := path.Match(glob, part)
	return err == nil && ok
}

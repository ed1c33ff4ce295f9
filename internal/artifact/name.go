package artifact

import (
	"fmt"
	"path"
	"strings"
)

// Lengths in bytes that every file system we run on can hold.
const (
	maxName    = 4000
	maxElement = 255
)

// checkName accepts a clean, relative, slash-separated name that stays inside.
func checkName(name string) error {
	switch {
	case name == "" || name == ".":
		return fmt.Errorf("an entry has no name")
	case strings.ContainsAny(name, "\x00"):
		return fmt.Errorf("the name %q holds a zero byte", name)
	case strings.HasPrefix(name, "/"):
		return fmt.Errorf("the name %q is absolute", shorten(name))
	case name == ".." || strings.HasPrefix(name, "../") || strings.Contains(name, "/../") || strings.HasSuffix(name, "/.."):
		return fmt.Errorf(`the name %q holds ".."`, shorten(name))
	case name != path.Clean(name):
		return fmt.Errorf("the name %q is not in its simplest form", shorten(name))
	case len(name) > maxName:
		return fmt.Errorf("the name %q is longer than %d bytes", shorten(name), maxName)
	}
	for element := range strings.SplitSeq(name, "/") {
		if len(element) > maxElement {
			return fmt.Errorf("a part of the name %q is longer than %d bytes", shorten(name), maxElement)
		}
	}
	return nil
}

// checkLink accepts a link by the rule of the package comment.
func checkLink(name, target string) error {
	if target == "" || strings.HasPrefix(target, "/") || strings.ContainsAny(target, "\x00") || len(target) > maxName {
		return fmt.Errorf("the link %s leads to %q: only relative links that stay inside are kept", shorten(name), shorten(target))
	}
	depth := strings.Count(name, "/")
	leading := true
	for element := range strings.SplitSeq(target, "/") {
		if element != ".." {
			leading = leading && (element == "." || element == "")
			continue
		}
		if !leading {
			return fmt.Errorf(`the link %s leads to %q: ".." may only stand at the front of a link`, shorten(name), shorten(target))
		}
		if depth--; depth < 0 {
			return fmt.Errorf("the link %s leads to %q, which is outside", shorten(name), shorten(target))
		}
	}
	return nil
}

func shorten(s string) string {
	if len(s) <= 120 {
		return s
	}
	return s[:120] + "…"
}

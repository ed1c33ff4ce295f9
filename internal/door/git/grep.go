package git

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Found is a line of a commit that has a word.
type Found struct {
	Word, Path, Text string
	Line             int
}

const (
	// grepAtOnce is how many words one command looks for: a command line has an end.
	grepAtOnce = 300
	maxFound   = 5000
	// shortWord is a length up to which a word is looked for in quotes alone, since it means much else besides.
	shortWord = 3
)

// Grep finds words in the files of a branch, as it was pushed last: whole words, written as they are. more: there are others that are not told.
func (d *Door) Grep(ctx context.Context, app, branch string, words []string) (commit string, found []Found, more bool, err error) {
	if !d.hasRepo(app) {
		return "", nil, false, fault.NotFound("%s has no repository here; push it first", app)
	}
	repo := d.repo(app)
	heads, err := d.heads(ctx, repo)
	if err != nil {
		return "", nil, false, err
	}
	if commit = heads[branch]; commit == "" {
		return "", nil, false, fault.NotFound("%s has no branch %q", app, branch)
	}
	for len(words) > 0 && !more {
		some := words[:min(grepAtOnce, len(words))]
		words = words[len(some):]
		args := []string{"grep", "-I", "-n", "-z", "-w", "--fixed-strings", "--full-name"}
		for _, w := range some {
			args = append(args, "-e", w)
		}
		out, err := d.output(ctx, repo, nil, append(args, commit)...)
		if err != nil && !exited(err, 1) { // 1: found nothing
			return commit, nil, false, fmt.Errorf("look for words in %s: %w", commit, err)
		}
		for line := range strings.Lines(out) { // <commit>:<path> NUL <line> NUL <text>
			about, rest, _ := strings.Cut(line, "\x00")
			number, text, ok := strings.Cut(rest, "\x00")
			n, err := strconv.Atoi(number)
			if !ok || err != nil {
				continue
			}
			for _, w := range some {
				if !has(text, w) {
					continue
				}
				if len(found) == maxFound {
					return commit, found, true, nil
				}
				found = append(found, Found{Word: w, Path: strings.TrimPrefix(about, commit+":"), Line: n, Text: clean(text, 200)})
			}
		}
	}
	return commit, found, more, nil
}

// has tells whether a line has a word: not as a part of a longer one, and a short one in quotes.
func has(line, word string) bool {
	for at := 0; ; {
		i := strings.Index(line[at:], word)
		if i < 0 {
			return false
		}
		i += at
		before, after := byte(' '), byte(' ')
		if i > 0 {
			before = line[i-1]
		}
		if end := i + len(word); end < len(line) {
			after = line[end]
		}
		quoted := before == after && strings.IndexByte("\"'`", before) >= 0
		if quoted || len(word) > shortWord && !partOfName(before) && !partOfName(after) {
			return true
		}
		at = i + 1
	}
}

func partOfName(b byte) bool {
	return b == '_' || b == '-' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// Tags takes the tags of a git repository whose names match a pattern (as of `git tag --list`) for deploys: a release went live everywhere when its tag was made.
func Tags(ctx context.Context, dir, match string) ([]shadow.Deploy, error) {
	if match == "" {
		match = "*"
	}
	var errs bytes.Buffer
	git := exec.CommandContext(ctx, "git", "-C", dir, "for-each-ref", "--format=%(creatordate:unix) %(refname:strip=2)", "refs/tags")
	git.Stderr = &errs
	out, err := git.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("read the tags: git is not installed")
	}
	if err != nil {
		return nil, fmt.Errorf("read the tags of %s: %s", dir, strings.TrimSpace(errs.String()))
	}
	listed := exec.CommandContext(ctx, "git", "-C", dir, "tag", "--list", match)
	names, err := listed.Output()
	if err != nil {
		return nil, fmt.Errorf("list the tags %s: %w", match, err)
	}
	wanted := map[string]bool{}
	for name := range strings.FieldsSeq(string(names)) {
		wanted[name] = true
	}
	var all []shadow.Deploy
	for line := range strings.Lines(string(out)) {
		at, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		second, err := strconv.ParseInt(at, 10, 64)
		if err != nil || !wanted[name] {
			continue // a tag of something that has no date
		}
		all = append(all, shadow.Deploy{Time: second, Release: name})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no tag of %s matches %q", dir, match)
	}
	return all, nil
}

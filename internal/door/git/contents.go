package git

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Files at the top of a commit that say that some of its contents are elsewhere.
const (
	gitModules    = ".gitmodules"
	gitAttributes = ".gitattributes"
)

// namedAtMost is how many submodules or files a warning names.
const namedAtMost = 5

// missing warns of what a commit only points to: workers check out the commit alone, so that the folder of a submodule is empty there, and a file of Git LFS a pointer.
// beside says which of the two files it has: without them it costs nothing.
func (d *Door) missing(ctx context.Context, repo, commit string, env []string, beside map[string]bool) ([]string, error) {
	var warnings []string
	if beside[gitModules] {
		modules, err := d.submodules(ctx, repo, commit, env)
		if err != nil {
			return nil, err
		}
		if len(modules) > 0 {
			warnings = append(warnings, fmt.Sprintf("this commit has submodules (%s): their folders are empty where tests run and in the release. Put the files into this "+
				"repository, or fetch them in a command of .slipway.yaml", named(modules)))
		}
	}
	if beside[gitAttributes] {
		pointers, err := d.lfsPointers(ctx, repo, commit, env)
		if err != nil {
			return nil, err
		}
		if len(pointers) > 0 {
			warnings = append(warnings, fmt.Sprintf("this commit has files of Git LFS (%s): only their pointers are pushed, and those go into tests and the release. Put the files into "+
				"this repository, or fetch them in a command of .slipway.yaml", named(pointers)))
		}
	}
	return warnings, nil
}

func named(paths []string) string {
	if more := len(paths) - namedAtMost; more > 0 {
		paths = append(slices.Clone(paths[:namedAtMost]), fmt.Sprintf("and %d more", more))
	}
	return clean(strings.Join(paths, ", "), 300)
}

// submodules lists the paths of a commit's submodules.
func (d *Door) submodules(ctx context.Context, repo, commit string, env []string) ([]string, error) {
	out, err := d.output(ctx, repo, env, "ls-tree", "-r", "-z", commit)
	if err != nil {
		return nil, fmt.Errorf("look for submodules: %w", err)
	}
	var paths []string
	for entry := range strings.SplitSeq(out, "\x00") {
		if meta, path, ok := strings.Cut(entry, "\t"); ok && strings.HasPrefix(meta, "160000 ") {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// lfsPointers lists the files that are pointers of Git LFS, among those for which .gitattributes at the top names its filter.
func (d *Door) lfsPointers(ctx context.Context, repo, commit string, env []string) ([]string, error) {
	text, err := d.output(ctx, repo, env, "cat-file", "blob", commit+":"+gitAttributes)
	if err != nil {
		return nil, fmt.Errorf("read .gitattributes: %w", err)
	}
	args := []string{"grep", "-z", "-l", "-m1", "--fixed-strings", "version https://git-lfs.github.com/spec/", commit, "--"}
	bare := len(args)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(args) > 500 { // a command line has an end
			break
		}
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") || !slices.Contains(fields[1:], "filter=lfs") {
			continue
		}
		pattern := strings.TrimPrefix(fields[0], "/")
		if !strings.Contains(strings.TrimSuffix(fields[0], "/"), "/") {
			pattern = "**/" + pattern // without a slash it matches in every folder
		}
		args = append(args, ":(glob)"+pattern)
	}
	if len(args) == bare {
		return nil, nil
	}
	out, err := d.output(ctx, repo, env, args...)
	if err != nil && !exited(err, 1) { // 1: found nothing
		return nil, fmt.Errorf("look for files of Git LFS: %w", err)
	}
	var paths []string
	for path := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		if path != "" {
			paths = append(paths, strings.TrimPrefix(path, commit+":"))
		}
	}
	return paths, nil
}

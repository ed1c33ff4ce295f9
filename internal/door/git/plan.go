package git

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Limits of the folder of a tracking plan. What the files say is bounded by the plan itself.
const (
	maxPlanFiles = 1000
	maxPlanBytes = 8 << 20
	// reviewTime is how long a pusher waits at most to hear what the plan would break.
	reviewTime = 5 * time.Second
)

// badPlan is a plan of events with mistakes; it is shown whole.
type badPlan struct {
	folder   string
	problems manifest.Problems
}

func (b *badPlan) Error() string { return b.problems.Error() }

// planOf reads the tracking plan that a commit declares, nil where it declares none.
func (d *Door) planOf(ctx context.Context, repo, commit string, env []string, m *manifest.Manifest) (*track.Plan, error) {
	if m == nil || m.Events == nil {
		return nil, nil
	}
	files, err := d.planFiles(ctx, repo, commit, env, m.Events.Plan)
	if err != nil {
		return nil, err
	}
	plan, problems := track.Declared(*m.Events, files)
	if len(problems) > 0 {
		return nil, &badPlan{m.Events.Plan, problems}
	}
	return &plan, nil
}

// planFiles reads the folder, however deep, by two git commands.
func (d *Door) planFiles(ctx context.Context, repo, commit string, env []string, folder string) ([]track.File, error) {
	list, err := d.output(ctx, repo, env, "ls-tree", "-r", "-l", "-z", commit, "--", folder+"/")
	if err != nil {
		return nil, fmt.Errorf("look for the plan of events: %w", err)
	}
	var files []track.File
	var objects strings.Builder
	total := int64(0)
	for entry := range strings.SplitSeq(list, "\x00") {
		about, path, _ := strings.Cut(entry, "\t") // <mode> <type> <object> <size>
		fields := strings.Fields(about)
		if len(fields) < 4 || !strings.HasSuffix(path, ".json") {
			continue
		}
		if fields[1] != "blob" || strings.HasPrefix(fields[0], "12") {
			return nil, fault.Invalid("%s has to be a file of the repository, not a link", clean(path, 200))
		}
		size, err := strconv.ParseInt(fields[3], 10, 64)
		if total += size; err != nil || total > maxPlanBytes || len(files) == maxPlanFiles {
			return nil, fault.Invalid("the folder %s of events.plan has more than %d files, or %d MB", folder, maxPlanFiles, maxPlanBytes>>20)
		}
		files = append(files, track.File{Path: path, Text: make([]byte, size)})
		objects.WriteString(fields[2] + "\n")
	}
	if len(files) == 0 {
		return nil, fault.Invalid("%s says that the plan of events is in the folder %s, and this commit has no .json file there. Add one for each event, named like it, with the JSON Schema of its properties; or take \"events\" out of the file", manifest.Filename, folder)
	}
	return files, d.readBlobs(ctx, repo, env, objects.String(), files)
}

// readBlobs fills the files, whose sizes are known.
func (d *Door) readBlobs(ctx context.Context, repo string, env []string, objects string, files []track.File) error {
	var out, errs limitedBuffer
	args := []string{"--git-dir=" + repo, "cat-file", "--batch"}
	cmd := d.command(ctx, env, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(objects), &out, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("read the plan of events: %w", &commandError{args: args, said: strings.TrimSpace(errs.String()), err: err})
	}
	for i := range files {
		if _, err := out.ReadBytes('\n'); err != nil { // <object> <type> <size>
			return fmt.Errorf("read %s: git did not give it: %w", files[i].Path, err)
		}
		if n, err := out.Read(files[i].Text); n != len(files[i].Text) {
			return fmt.Errorf("read %s: git gave %d of %d bytes: %w", files[i].Path, n, len(files[i].Text), err)
		}
		_, _ = out.ReadByte() // the line's end behind it
	}
	return nil
}

// warnOfPlan tells the pusher what the plan would break once it counts. That it cannot be found out is no reason to refuse a push.
func (d *Door) warnOfPlan(ctx context.Context, app string, u update, say func(string)) {
	if u.plan == nil || d.opts.ReviewPlan == nil || u.manifest.Events.Environment != u.env { // elsewhere it never counts
		return
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTime)
	defer cancel()
	texts, err := d.opts.ReviewPlan(ctx, app, *u.plan, u.manifest)
	if err != nil {
		d.log.Warn("not looked what a plan of events would break", "app", app, "commit", u.new, "error", err)
	}
	for _, text := range texts {
		say("-----> Warning: when the plan in " + u.manifest.Events.Plan + " counts: " + clean(text, 500) + ".")
	}
}

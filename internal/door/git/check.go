package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// preReceive accepts or refuses a push before any ref moves, and notes what it accepted, for settle.
func (d *Door) preReceive(ctx context.Context, p *push, c hookCall, say func(string)) error {
	updates, err := parseUpdates(c.Updates)
	if err != nil {
		return err
	}
	hotfix, err := parseOptions(c.Options)
	if err != nil {
		return err
	}
	unlock, err := d.lock(ctx, p.app)
	if err != nil {
		return err
	}
	p.hold(unlock)
	env := onlyQuarantine(c.Env)
	for i := range updates {
		if err := d.check(ctx, p, &updates[i], env, say); err != nil {
			return err
		}
		if updates[i].manifest != nil {
			updates[i].hotfix = hotfix
			if hotfix != nil {
				hotfix.By = p.who.Actor()
			}
		}
	}
	if hotfix != nil && !slices.ContainsFunc(updates, func(u update) bool { return u.hotfix != nil }) {
		return fault.Invalid("%s is for a branch that an environment follows, and this push has none", optionSkip)
	}
	if err := d.rehearse(ctx, p, updates); err != nil {
		return err
	}
	p.accept(updates)
	return d.note(ctx, p, updates)
}

// onlyQuarantine keeps the variables that a hook may set for our git commands, and no others.
func onlyQuarantine(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return !slices.Contains(quarantineNames(), name)
	})
}

// check looks at one update of a push, and reads the manifest of a branch that an environment follows.
func (d *Door) check(ctx context.Context, p *push, u *update, env []string, say func(string)) error {
	app, branch := p.app, u.branch()
	if branch == "" {
		return nil
	}
	e, mapped, err := catalog.EnvironmentFor(ctx, d.opts.DB, app, branch)
	if err != nil {
		return err
	}
	if mapped {
		if err := p.who.RequireIn(access.Deploy, app, e.Name); err != nil {
			return fault.Forbidden("%s goes to the environment %s: %s", branch, e.Name, fault.Message(err))
		}
	}
	if u.new == "" {
		if mapped {
			return fault.Invalid("%s cannot be deleted: the environment %s of %s follows it. Let it follow another branch first", branch, e.Name, app)
		}
		return nil
	}
	if mapped && u.old != "" && !e.AllowForcePush {
		kept, err := d.isAncestor(ctx, d.repo(app), env, u.old, u.new)
		if err != nil {
			return err
		}
		if !kept {
			return fault.Invalid("%s would lose commits: this push rewrites its history, and the environment %s follows it. Pull first (git pull --rebase), or "+
				"revert a commit instead of removing it. If it has to be: allow force pushes in the settings of %s", branch, e.Name, e.Name)
		}
	}
	return d.checkManifest(ctx, app, u, env, mapped, say)
}

// checkManifest reads .slipway.yaml. A branch that no environment follows needs none, and a broken one there is nobody's concern yet; but a good one may name an
// environment that follows this very branch.
func (d *Door) checkManifest(ctx context.Context, app string, u *update, env []string, mapped bool, say func(string)) error {
	known, err := catalog.Exists(ctx, d.opts.DB, app)
	if err != nil {
		return err
	}
	mapped = mapped || !known && u.branch() == catalog.MainBranch // the environment that comes with the app
	src, err := d.manifestOf(ctx, d.repo(app), u.new, env)
	if err != nil {
		return err
	}
	if !src.found {
		if mapped {
			return fault.Invalid("there is no %s in this commit. Run \"slipway init\" in your repository: it writes one, commented; then commit it and push again", manifest.Filename)
		}
		return nil
	}
	m, problems := manifest.Parse(src.text)
	if len(problems) > 0 {
		if !mapped {
			return nil
		}
		return &badManifest{problems}
	}
	name, ours := m.EnvironmentOf(u.branch())
	if !mapped && !ours {
		return nil
	}
	if m.App != app {
		return fault.Invalid("%s is of the app %q, but this is the repository of %q: push to %s/git/%s.git, or change \"app\" in the file", manifest.Filename, m.App, app, d.opts.URL, m.App)
	}
	u.manifest, u.env = m, name
	if u.plan, err = d.planOf(ctx, d.repo(app), u.new, env, m); err != nil {
		return err
	}
	if len(m.Warnings) > 0 {
		say(m.Warnings.Text())
	}
	d.warnOfMissing(ctx, app, *u, env, src.beside, say)
	d.warnOfPlan(ctx, app, *u, say)
	return nil
}

// warnOfMissing tells the pusher what their commit only points to. That it cannot be found out is no reason to refuse a push.
func (d *Door) warnOfMissing(ctx context.Context, app string, u update, env []string, beside map[string]bool, say func(string)) {
	warnings, err := d.missing(ctx, d.repo(app), u.new, env, beside)
	if err != nil {
		d.log.Warn("not looked for what a commit only points to", "app", app, "commit", u.new, "error", err)
	}
	for _, w := range warnings {
		say("-----> Warning: " + w + ".")
	}
}

// source is the manifest of a commit as it stands there.
type source struct {
	text []byte
	// found is false where there is none.
	found bool
	// beside names the files at the top of the commit that missing asks for.
	beside map[string]bool
}

// manifestOf reads the file of a commit, and looks what is beside it in the same breath: a pusher waits for each git command.
func (d *Door) manifestOf(ctx context.Context, repo, commit string, env []string) (source, error) {
	entries, err := d.output(ctx, repo, env, "ls-tree", "-l", commit, "--", manifest.Filename, gitModules, gitAttributes)
	if err != nil {
		return source{}, fmt.Errorf("look for %s: %w", manifest.Filename, err)
	}
	src := source{beside: map[string]bool{}}
	var file []string
	for entry := range strings.Lines(entries) {
		fields := strings.Fields(entry) // <mode> <type> <object> <size> <path>
		switch {
		case len(fields) < 5:
		case fields[4] == manifest.Filename:
			file = fields
		default:
			src.beside[fields[4]] = true
		}
	}
	if file == nil {
		return src, nil
	}
	if file[1] != "blob" || strings.HasPrefix(file[0], "12") {
		return src, fault.Invalid("%s has to be a file of the repository, not a folder or a link", manifest.Filename)
	}
	if size, err := strconv.ParseInt(file[3], 10, 64); err != nil || size > manifest.MaxSize {
		return src, fault.Invalid("%s has %s bytes; at most %d are read", manifest.Filename, file[3], manifest.MaxSize)
	}
	text, err := d.output(ctx, repo, env, "cat-file", "blob", file[2])
	if err != nil {
		return src, fmt.Errorf("read %s: %w", manifest.Filename, err)
	}
	src.text, src.found = []byte(text), true
	return src, nil
}

// errRehearsed ends a rehearsal that went well.
var errRehearsed = errors.New("rehearsed")

// rehearse does in a transaction what settle will do with the catalog, and undoes it: what cannot be done, or not by this person, refuses the push now, while it can be refused.
func (d *Door) rehearse(ctx context.Context, p *push, updates []update) error {
	err := d.opts.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := ensureApp(ctx, tx, p.who.Actor(), p.app); err != nil {
			return err
		}
		for _, u := range updates {
			if u.manifest == nil {
				continue
			}
			changed, err := catalog.ApplyManifest(ctx, tx, p.who.Actor(), p.app, u.manifest)
			if err != nil {
				return err
			}
			if err := p.who.Require(access.Deploy, p.app); err != nil && len(changed) > 0 {
				return fault.Forbidden("%s changes where %s runs. %s But %s", manifest.Filename, p.app, strings.Join(changed, " "), fault.Message(err))
			}
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

// badManifest is a manifest with mistakes; it is shown whole.
type badManifest struct{ problems manifest.Problems }

func (b *badManifest) Error() string { return b.problems.Error() }

// mistakes shows each with its place.
func mistakes(where string, problems manifest.Problems) string {
	count := "1 mistake"
	if n := len(problems); n > 1 {
		count = strconv.Itoa(n) + " mistakes"
	}
	return fmt.Sprintf("\n-----> %s has %s:\n\n%s", where, count, problems.Text())
}

// refusal is what the pusher reads.
func (d *Door) refusal(err error) string {
	const end = "\n\nNothing was changed."
	var bad *badManifest
	var plan *badPlan
	switch {
	case errors.As(err, &bad):
		return mistakes(manifest.Filename, bad.problems) + end[1:] + "\n"
	case errors.As(err, &plan):
		return mistakes("the plan of events in "+plan.folder, plan.problems) + end[1:] + "\n"
	}
	if fault.CodeOf(err) == fault.CodeInternal {
		d.log.Error("push not looked at", "error", err)
	}
	text := fault.Message(err)
	if wrapped := err.Error(); fault.CodeOf(err) != fault.CodeInternal && strings.HasPrefix(wrapped, "environment ") {
		text = wrapped // says which entry of the manifest
	}
	return "\n-----> Refused: " + text + end + "\n"
}

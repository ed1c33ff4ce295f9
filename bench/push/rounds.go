package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/event"
)

// bench is the two that are compared.
type bench struct {
	rig    *rig.Rig
	server *rig.Server
	feed   *rig.Feed
	peer   *rig.Buildbot
	pushes int
}

// The suite of an app: the whole as one unit, or units that a command lists first.
const (
	whole  = "  - name: all\n    run: date +%%s%%N > %s/ran-$(cat change)\n    format: exit\n"
	listed = "  - name: all\n    list: echo one\n    run: \"date +%%s%%N > %s/ran-$(cat change); : {units}\"\n    format: exit\n"
)

const manifest = `app: %s
test:
%spackage:
  run: "true"
  path: change
processes:
  web: {run: sleep 1000}
environments:
  production: {branch: main}
`

// app is one repository of ours.
type app struct {
	*rig.Repo
	name, suite, stamp string
}

func (b *bench) app(ctx context.Context, name, suite string) (*app, error) {
	stamp, err := b.rig.Folder("stamp", name)
	if err != nil {
		return nil, err
	}
	repo, err := b.rig.Repo(ctx, name, b.server.GitURL(name))
	if err != nil {
		return nil, err
	}
	return &app{repo, name, suite, stamp}, repo.Write(map[string]string{".slipway.yaml": fmt.Sprintf(manifest, name, fmt.Sprintf(suite, stamp))})
}

// push pushes one more commit and gives the time from its acceptance to the start of the test command. It returns when the build is over, and so the worker free.
func (b *bench) push(ctx context.Context, a *app) (time.Duration, error) {
	b.pushes++
	n := fmt.Sprint(b.pushes)
	if err := a.Write(map[string]string{"change": n + "\n"}); err != nil {
		return 0, err
	}
	sha, err := a.Commit(ctx, "Change "+n)
	if err != nil {
		return 0, err
	}
	mark := b.feed.Mark()
	if _, err := a.Push(ctx); err != nil {
		return 0, err
	}
	pushed, err := b.feed.Wait(ctx, mark, "the push", rig.Of(func(p event.GitPushed) bool { return p.After == sha }))
	if err != nil {
		return 0, err
	}
	ran, err := rig.Stamped(ctx, filepath.Join(a.stamp, "ran-"+n))
	if err != nil {
		return 0, err
	}
	_, err = b.feed.Wait(ctx, mark, "the build", rig.Of(func(p event.BuildPassed) bool { return p.Head == sha }))
	return ran.Sub(pushed.Time), err
}

// bot pushes one more commit to the peer's repository and has it built.
func (b *bench) bot(ctx context.Context, repo *rig.Repo, kind string) (time.Duration, error) {
	b.pushes++
	n := fmt.Sprint(b.pushes)
	if err := repo.Write(map[string]string{"change": n + "\n"}); err != nil {
		return 0, err
	}
	sha, err := repo.Commit(ctx, "Change "+n)
	if err != nil {
		return 0, err
	}
	if _, err := repo.Push(ctx); err != nil {
		return 0, err
	}
	return b.peer.Build(ctx, kind, sha)
}

// warm alternates between us and the peer. The first push of each is not counted: by it the worker gets warm.
func (b *bench) warm(ctx context.Context, rounds int) ([]row, error) {
	if _, err := b.server.Agent(ctx, "worker", "work", 0); err != nil {
		return nil, err
	}
	one, err1 := b.app(ctx, "whole", whole)
	two, err2 := b.app(ctx, "listed", listed)
	theirs, err3 := b.rig.Repo(ctx, "buildbot", b.rig.Path("buildbot", "repo.git"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	turns := []struct {
		name string
		take func() (time.Duration, error)
	}{
		{"Slipway, warm worker", func() (time.Duration, error) { return b.push(ctx, one) }},
		{"Slipway, the suite has a list to run first", func() (time.Duration, error) { return b.push(ctx, two) }},
		{"Buildbot 3.7, with a checkout", func() (time.Duration, error) { return b.bot(ctx, theirs, rig.CheckedOut) }},
		{"Buildbot 3.7, the command alone", func() (time.Duration, error) { return b.bot(ctx, theirs, rig.Bare) }},
	}
	rows := make([]row, len(turns))
	for round := range rounds + 1 {
		for i, turn := range turns {
			took, err := turn.take()
			if err != nil {
				return nil, err
			}
			if rows[i].name = turn.name; round > 0 {
				rows[i].times = append(rows[i].times, took)
			}
		}
	}
	return rows, nil
}

// cold gives each build a worker that has just joined: it has no mirror and no checkout.
func (b *bench) cold(ctx context.Context, rounds int) (row, error) {
	out := row{name: "Slipway, worker that has just joined"}
	one, err := b.app(ctx, "cold", whole)
	if err != nil {
		return out, err
	}
	for i := range rounds {
		if err := b.alone(ctx, fmt.Sprintf("cold-%d", i+1)); err != nil {
			return out, err
		}
		took, err := b.push(ctx, one)
		if err != nil {
			return out, err
		}
		out.times = append(out.times, took)
	}
	return out, nil
}

// alone replaces all workers by a new one.
func (b *bench) alone(ctx context.Context, name string) error {
	b.rig.StopAgents()
	_, err := b.server.Agent(ctx, name, "work", 0)
	return err
}

// parts is how many files the large repository has.
const parts = 8

// large pushes a repository of so many MiB once, and then small commits.
func (b *bench) large(ctx context.Context, mib, rounds int) ([]row, error) {
	one, err := b.app(ctx, "large", whole)
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"config", "core.compression", "0"}, {"config", "core.bigFileThreshold", "1m"}} {
		if _, err := one.Git(ctx, args...); err != nil { // random bytes do not get smaller, and trying takes longer than all the rest
			return nil, err
		}
	}
	chunk := make([]byte, 1<<20)
	for i := range parts {
		f, err := os.Create(filepath.Join(one.Dir, fmt.Sprintf("part-%d", i)))
		if err != nil {
			return nil, fmt.Errorf("make the large repository: %w", err)
		}
		for range mib / parts {
			_, _ = rand.Read(chunk) // never fails
			if _, err := f.Write(chunk); err != nil {
				return nil, errors.Join(fmt.Errorf("make the large repository: %w", err), f.Close())
			}
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("make the large repository: %w", err)
		}
	}
	if err := b.alone(ctx, "large"); err != nil {
		return nil, err
	}
	first := row{name: fmt.Sprintf("Slipway, repository of %d MiB, the first time", mib)}
	then := row{name: fmt.Sprintf("Slipway, repository of %d MiB, a small commit", mib)}
	for i := range rounds + 1 {
		took, err := b.push(ctx, one)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first.times = append(first.times, took)
		} else {
			then.times = append(then.times, took)
		}
	}
	return []row{then, first}, nil
}

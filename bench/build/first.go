package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// bigRepository takes the same time for a repository of so many megabytes: with a worker that never saw it, and for the pushes after that.
func bigRepository(ctx context.Context, megabytes int) error {
	w, err := open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	random := rand.NewChaCha8([32]byte{})
	buf := make([]byte, 1<<20)
	for i := range megabytes {
		_, _ = random.Read(buf) // never fails
		if err := os.WriteFile(filepath.Join(w.repo(), fmt.Sprintf("big-%d", i)), buf, 0o600); err != nil {
			return err
		}
	}
	if _, err := w.git("add", "--all"); err != nil {
		return err
	}
	if _, err := w.git("commit", "--quiet", "-m", "Big"); err != nil {
		return err
	}
	if _, err := w.git("repack", "-adq"); err != nil { // as a server has it
		return err
	}
	if err := w.addWorker(ctx, "big"); err != nil {
		return err
	}
	fmt.Printf("\n%d MB in the repository, one worker; the first row is the first time it sees it:\n", megabytes)
	if err := firstCommands(ctx, w, "cold", 1); err != nil {
		return err
	}
	return firstCommands(ctx, w, "warm", 10)
}

// firstCommands takes the time from an accepted push to the start of its first command, one push at a time on warm workers.
func firstCommands(ctx context.Context, w *world, env string, pushes int) error {
	suite := manifest.Test{Name: "all", Run: "true", Format: manifest.FormatExit, Timeout: manifest.Every(time.Minute)}
	m := manifest.Manifest{Tests: []manifest.Test{suite}}
	var start, end []float64
	for i := range pushes {
		accepted, err := w.push(ctx, env, map[string]string{"change": env + fmt.Sprint(i)}, m)
		if err != nil {
			return err
		}
		b, err := w.ended(ctx, env, i+1)
		if err != nil {
			return err
		}
		l := b.Leases[0]
		start = append(start, float64(l.StartedAt.Sub(accepted).Microseconds())/1000)
		end = append(end, float64(b.EndedAt.Sub(l.StartedAt.Add(time.Duration(l.RanMS)*time.Millisecond)).Microseconds())/1000)
	}
	t := table("pushes\tmilliseconds\tleast\tmedian\tmost\t")
	for _, row := range []struct {
		name string
		ms   []float64
	}{{"accepted -> first command starts", start}, {"command ends -> build passed", end}} {
		slices.Sort(row.ms)
		fmt.Fprintf(t, "%d\t%s\t%.0f\t%.0f\t%.0f\t\n", pushes, row.name, row.ms[0], row.ms[len(row.ms)/2], row.ms[len(row.ms)-1])
	}
	return t.Flush()
}

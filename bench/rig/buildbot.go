package rig

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed master.cfg
var masterConfig string

// Buildbot is the peer: a master and, if wanted, one worker, with a repository that the developer pushes to.
type Buildbot struct {
	Master *Process
	// Ready is how long the master took to start.
	Ready time.Duration
	port  string
	stamp string
	rig   *Rig
}

// Kinds of builds of the peer.
const (
	// CheckedOut builds fetch and check out the commit first, as ours do.
	CheckedOut = "checkedout"
	// Bare builds are the command alone.
	Bare = "bare"
)

// Buildbot starts the peer in its own folder. Its repository is a bare one at Path(name, "repo.git").
func (r *Rig) Buildbot(ctx context.Context, name string, worker bool) (*Buildbot, error) {
	for _, program := range []string{"buildbot", "buildbot-worker"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, errors.New("the peer is missing; run: scripts/needs.sh bench")
		}
	}
	dir, err1 := r.Folder(name)
	stamp, err2 := r.Folder(name, "stamp")
	port, err3 := FreePort()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	b := &Buildbot{port: strconv.Itoa(port), stamp: stamp, rig: r}
	for _, args := range [][]string{
		{"git", "init", "-q", "--bare", "-b", "main", r.Path(name, "repo.git")},
		{"buildbot", "create-master", r.Path(name, "master")},
		{"buildbot-worker", "create-worker", r.Path(name, "worker"), "127.0.0.1:" + b.port, "w1", "bench"},
	} {
		if err := b.run(ctx, args...); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(r.Path(name, "master", "master.cfg"), []byte(masterConfig), 0o600); err != nil {
		return nil, fmt.Errorf("configure the peer: %w", err)
	}
	env := []string{"BENCH_DIR=" + dir, "BENCH_PORT=" + b.port}
	if b.Master, err1 = r.Start(name+"-master", env, "buildbot", "start", "--nodaemon", r.Path(name, "master")); err1 != nil {
		return nil, err1
	}
	if err := says(ctx, b.Master, r.Path(name, "master"), "BuildMaster is running"); err != nil || !worker {
		b.Ready = time.Since(b.Master.Began)
		return b, err
	}
	b.Ready = time.Since(b.Master.Began)
	w, err := r.Start(name+"-worker", nil, "buildbot-worker", "start", "--nodaemon", r.Path(name, "worker"))
	if err != nil {
		return nil, err
	}
	return b, says(ctx, w, r.Path(name, "worker"), "worker is ready")
}

func (b *Buildbot) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = b.rig.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// says waits for words in the log that a program of the peer writes in its folder.
func says(ctx context.Context, p *Process, dir, words string) error {
	log, found := filepath.Join(dir, "twistd.log"), false
	err := Until(ctx, fmt.Sprintf("%s says %q", p.Name, words), 5*time.Millisecond, func() bool {
		text, _ := os.ReadFile(log) // it grows yet
		found = strings.Contains(string(text), words)
		return found || p.Ended()
	})
	if err == nil && !found {
		err = fmt.Errorf("%s ended", p.Name)
	}
	return err
}

// Build tells the peer of a change and gives how long it took from the moment that its master had stored it to the start of the build's command.
func (b *Buildbot) Build(ctx context.Context, kind, revision string) (time.Duration, error) {
	err := b.run(ctx, "buildbot", "sendchange", "-m", "127.0.0.1:"+b.port, "-a", "change:changepw", "-W", "bench", "-b", "main", "-C", kind, "-r", revision, "change")
	if err != nil {
		return 0, err
	}
	began, err := Stamped(ctx, b.stamp+"/ran-"+kind+"-"+revision)
	if err != nil {
		return 0, err
	}
	stored, err := Stamped(ctx, b.stamp+"/stored-"+kind+"-"+revision)
	return began.Sub(stored), err
}

// Stamped waits for a file with a time in nanoseconds since 1970, as `date +%s%N` writes it.
func Stamped(ctx context.Context, path string) (t time.Time, err error) {
	return t, Until(ctx, path+" is there", time.Millisecond, func() bool {
		text, _ := os.ReadFile(path) // it may not be there yet
		ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		t = time.Unix(0, ns)
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
}

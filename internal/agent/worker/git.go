package worker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
)

// mirrors are the bare repositories that checkouts are made from.
type mirrors struct {
	w  *worker
	mu sync.Mutex
	by map[string]*mirror
}

// mirror is one app's. It holds no history: each commit is fetched with its files alone, as the difference to those that are there.
type mirror struct {
	mu    sync.Mutex
	dir   string
	has   map[string]bool // commits known to be there
	fresh int             // fetches since the last look at the number of packs
}

func newMirrors(w *worker) *mirrors {
	m := &mirrors{w: w, by: map[string]*mirror{}}
	found, _ := filepath.Glob(w.path("mirrors", "*.git")) // the pattern is right, and nothing else can fail
	for _, dir := range found {
		m.of(strings.TrimSuffix(filepath.Base(dir), ".git"))
	}
	return m
}

// names are the apps there are mirrors of.
func (m *mirrors) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for app, mirror := range m.by {
		if _, err := os.Stat(mirror.dir); err == nil {
			names = append(names, app)
		}
	}
	slices.Sort(names)
	return names
}

func (m *mirrors) of(app string) *mirror {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by[app] == nil {
		m.by[app] = &mirror{dir: m.w.path("mirrors", app+".git"), has: map[string]bool{}}
	}
	return m.by[app]
}

// git runs a git command in a mirror. Its environment is made from scratch; config is added to it, so that it shows in no command line.
func (w *worker) git(ctx context.Context, dir string, config map[string]string, args ...string) error {
	return w.gitIn(ctx, dir, config, nil, args...)
}

// gitIn runs a git command with more in its environment. It must read no configuration that commands of leases can write: git does what that says, as the agent.
func (w *worker) gitIn(ctx context.Context, dir string, config map[string]string, environ []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(gitEnviron(w.path("mirrors"), config), environ...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, lastLines(out))
	}
	return nil
}

func gitEnviron(home string, config map[string]string) []string {
	env := []string{"HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "LC_ALL=C"}
	// What git would do by itself after a fetch is done in idle time instead, see tidy.
	all := map[string]string{"gc.auto": "0", "maintenance.auto": "false", "core.fsync": "none", "advice.detachedHead": "false", "protocol.file.allow": "always"}
	for key, value := range config {
		all[key] = value
	}
	n := 0
	for key, value := range all {
		i := strconv.Itoa(n)
		env = append(env, "GIT_CONFIG_KEY_"+i+"="+key, "GIT_CONFIG_VALUE_"+i+"="+value)
		n++
	}
	return proc.Environ(append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(n))...)
}

// lastLines is the end of what a command said.
func lastLines(out []byte) string {
	const most = 500
	text := strings.TrimSpace(strings.ToValidUTF8(string(out), "?"))
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	return text
}

// credential is how git shows the server who this agent is.
func (w *worker) credential() map[string]string {
	if w.GitURL != nil {
		return nil
	}
	pair := base64.StdEncoding.EncodeToString([]byte("agent:" + w.Client.Credential()))
	config := map[string]string{"http.extraHeader": "Authorization: Basic " + pair}
	if pin := w.Client.PinnedKey(); pin != "" {
		// No authority vouches for the server: the pinned key does.
		config["http.pinnedPubkey"], config["http.sslVerify"] = pin, "false"
	}
	return config
}

func (w *worker) url(app string) string {
	if w.GitURL != nil {
		return w.GitURL(app)
	}
	return w.Client.GitURL(app)
}

var (
	appShape    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	commitShape = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
)

// fetch makes the commit available in the app's mirror and returns the mirror's folder. It asks the server only for what is not there.
func (m *mirrors) fetch(ctx context.Context, app, commit string) (string, error) {
	if !appShape.MatchString(app) || !commitShape.MatchString(commit) {
		return "", fmt.Errorf("%q at %q names no app and commit", app, commit)
	}
	mirror := m.of(app)
	mirror.mu.Lock()
	defer mirror.mu.Unlock()
	if mirror.has[commit] {
		return mirror.dir, nil
	}
	err := m.fetchInto(ctx, mirror, app, commit)
	if err == nil || ctx.Err() != nil {
		return mirror.dir, err
	}
	// The server may be away, or the mirror broken by a crash: what still looks right is kept.
	if m.w.git(ctx, mirror.dir, nil, "fsck", "--connectivity-only", "--no-dangling") == nil {
		return "", err
	}
	if err := os.RemoveAll(mirror.dir); err != nil {
		return "", fmt.Errorf("remove the broken mirror of %s: %w", app, err)
	}
	mirror.has = map[string]bool{}
	return mirror.dir, m.fetchInto(ctx, mirror, app, commit)
}

// keepRef names a commit that the mirror keeps, so that the next fetch brings only the difference to it.
func keepRef(commit string) string { return "refs/slipway/" + commit }

func (m *mirrors) fetchInto(ctx context.Context, mirror *mirror, app, commit string) error {
	if _, err := os.Stat(filepath.Join(mirror.dir, "HEAD")); errors.Is(err, os.ErrNotExist) {
		if err := m.w.git(ctx, m.w.Dir, nil, "init", "--quiet", "--bare", mirror.dir); err != nil {
			return fmt.Errorf("make a mirror of %s: %w", app, err)
		}
	} else if m.w.git(ctx, mirror.dir, nil, "cat-file", "-e", commit+"^{tree}") == nil {
		mirror.has[commit] = true
		return nil
	}
	err := m.w.git(ctx, mirror.dir, m.w.credential(), "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		m.w.url(app), "+"+commit+":"+keepRef(commit))
	if err != nil {
		return fmt.Errorf("fetch commit %.12s of %s: %w", commit, app, err)
	}
	mirror.has[commit] = true
	mirror.fresh++
	return nil
}

// Limits of a mirror between two tidyings.
const (
	tidyAfter   = 50 // fetches
	keptCommits = 20
)

// tidy packs mirrors that were fetched into often, while there is nothing else to do.
func (m *mirrors) tidy(ctx context.Context) {
	m.mu.Lock()
	all := make([]*mirror, 0, len(m.by))
	for _, mirror := range m.by {
		all = append(all, mirror)
	}
	m.mu.Unlock()
	for _, mirror := range all {
		mirror.mu.Lock()
		if mirror.fresh >= tidyAfter {
			if err := m.repack(ctx, mirror); err != nil && ctx.Err() == nil {
				m.w.Logger.Warn("mirror not packed", "mirror", mirror.dir, "error", err)
			}
			mirror.fresh = 0
		}
		mirror.mu.Unlock()
	}
}

// repack forgets old commits and packs the rest. Those that are checked out stay.
func (m *mirrors) repack(ctx context.Context, mirror *mirror) error {
	cmd := exec.CommandContext(ctx, "git", "for-each-ref", "--sort=-creatordate", "--format=%(refname)", "refs/slipway")
	cmd.Dir, cmd.Env = mirror.dir, gitEnviron(m.w.path("mirrors"), nil)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list the kept commits: %w", err)
	}
	refs := strings.Fields(string(out))
	mirror.has = map[string]bool{}
	for _, ref := range refs[min(keptCommits, len(refs)):] {
		if err := m.w.git(ctx, mirror.dir, nil, "update-ref", "-d", ref); err != nil {
			return err
		}
	}
	return m.w.git(ctx, mirror.dir, nil, "gc", "--quiet", "--prune=now")
}

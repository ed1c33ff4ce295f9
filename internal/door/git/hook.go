package git

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a hook finds in its environment.
const (
	envExe    = "SLIPWAY_HOOK_EXE"
	envSocket = "SLIPWAY_HOOK_SOCKET"
	envPush   = "SLIPWAY_HOOK_PUSH"
)

// HookCommand is the first argument of the program when git calls it as a hook.
const HookCommand = "git-hook"

// hookNames are the hooks that there are.
func hookNames() []string { return []string{"pre-receive", "post-receive"} }

// writeHooks makes the folder of hooks that all repositories share.
func (d *Door) writeHooks() error {
	if err := os.MkdirAll(d.hooksDir(), 0o700); err != nil {
		return fmt.Errorf("make the folder of git's hooks: %w", err)
	}
	for _, name := range hookNames() {
		script := "#!/bin/sh\nexec \"$" + envExe + "\" " + HookCommand + " " + name + "\n"
		path := filepath.Join(d.hooksDir(), name)
		if err := os.WriteFile(path+".new", []byte(script), 0o700); err != nil {
			return fmt.Errorf("write git's hook %s: %w", name, err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("put git's hook %s in its place: %w", name, err)
		}
	}
	return nil
}

func (d *Door) hookEnv(name string) []string {
	return []string{envExe + "=" + d.opts.HookExe, envSocket + "=" + d.socket, envPush + "=" + name}
}

// hookCall is what a hook tells the server. Updates is its standard input; Env lets the server see the objects in quarantine.
type hookCall struct {
	Push    string   `json:"push"` // the random name of the push, which nobody else knows
	Hook    string   `json:"hook"`
	Updates string   `json:"updates"`
	Options []string `json:"options"`
	Env     []string `json:"env"`
}

// hookWord is one thing that the server tells a hook: a line to print, or the end.
type hookWord struct {
	Line string `json:"line,omitempty"`
	Exit *int   `json:"exit,omitempty"`
}

// HookMain is the whole of a hook: it passes its input to the server, prints what comes back and returns the exit status. name is the hook's.
func HookMain(name string, stdin io.Reader, stdout io.Writer) int {
	status, err := runHook(name, stdin, stdout)
	if err != nil {
		_, _ = fmt.Fprintf(stdout, "slipway: %v\n", err)
		return 1
	}
	return status
}

func runHook(name string, stdin io.Reader, stdout io.Writer) (int, error) {
	updates, err := io.ReadAll(stdin)
	if err != nil {
		return 1, fmt.Errorf("read what git says: %w", err)
	}
	conn, err := net.Dial("unix", os.Getenv(envSocket)) //nolint:gosec,noctx // the environment is what the server gave git; the call ends with git
	if err != nil {
		return 1, errors.New("the server is not there to look at this push; try again in a moment")
	}
	defer conn.Close()
	c := hookCall{Push: os.Getenv(envPush), Hook: name, Updates: string(updates), Options: pushOptions(), Env: quarantine()}
	if err := json.NewEncoder(conn).Encode(c); err != nil {
		return 1, fmt.Errorf("tell the server: %w", err)
	}
	words := json.NewDecoder(conn)
	for {
		var word hookWord
		if err := words.Decode(&word); err != nil {
			if name == "post-receive" {
				return 1, errors.New("the server went away. Your push is safe: it goes on when the server is back")
			}
			return 1, errors.New("the server went away before it had looked at this push; nothing was changed, push again")
		}
		if word.Exit != nil {
			return *word.Exit, nil
		}
		if _, err := fmt.Fprintln(stdout, word.Line); err != nil {
			return 0, nil // git does not listen any more
		}
	}
}

func pushOptions() []string {
	n, _ := strconv.Atoi(os.Getenv("GIT_PUSH_OPTION_COUNT")) // absent means none
	var options []string
	for i := range n {
		options = append(options, os.Getenv("GIT_PUSH_OPTION_"+strconv.Itoa(i)))
	}
	return options
}

// quarantineNames are the variables by which git sees the objects of a push that is not accepted yet.
func quarantineNames() []string {
	return []string{"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"}
}

func quarantine() []string {
	var env []string
	for _, name := range quarantineNames() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// serveHook answers one hook.
func (d *Door) serveHook(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second)) // a hook speaks at once
	var c hookCall
	if err := json.NewDecoder(bufio.NewReader(conn)).Decode(&c); err != nil {
		d.log.Error("a git hook said nothing to understand", "error", err)
		return
	}
	p := d.pushOf(c.Push)
	if p == nil || !slices.Contains(hookNames(), c.Hook) {
		d.log.Warn("a git hook of no push of this server called", "hook", c.Hook)
		return
	}
	defer p.hooks.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	out := json.NewEncoder(conn)
	say := func(text string) {
		for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
			_ = out.Encode(hookWord{Line: line}) // nobody listens any more: the push goes on without
		}
	}
	exit := 0
	switch c.Hook {
	case "pre-receive":
		if err := d.preReceive(ctx, p, c, say); err != nil {
			say(d.refusal(err))
			exit = 1
		}
	case "post-receive":
		d.postReceive(ctx, p, say)
	}
	_ = out.Encode(hookWord{Exit: &exit})
}

// pushOf finds the push that a hook belongs to, and counts the hook in: its Done must follow.
func (d *Door) pushOf(name string) *push {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.pushes[name]
	if p != nil {
		p.hooks.Add(1)
	}
	return p
}

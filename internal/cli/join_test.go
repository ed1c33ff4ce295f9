package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

func TestJoinTokenFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(path, []byte("slj_x.pin\n"), 0o600))
	if token, err := (joining{Join: "@" + path, JoinFD: -1}).token(); err != nil || token != "slj_x.pin" {
		t.Errorf("token %q, %v", token, err)
	}
	must(t, os.WriteFile(path, []byte(" \n"), 0o600))
	if _, err := (joining{Join: "@" + path, JoinFD: -1}).token(); err == nil || !strings.Contains(err.Error(), path+" holds no join token") {
		t.Errorf("an empty file: %v", err)
	}
	if token, err := (joining{JoinFD: -1}).token(); err != nil || token != "" {
		t.Errorf("none: %q, %v", token, err)
	}
}

func TestHideToken(t *testing.T) {
	environ := []string{"A=slj_x", "SLIPWAY_JOIN=slj_x", "SLIPWAY_URL=u"}
	for _, c := range []struct{ in, want string }{
		{"slipway agent --join slj_x --roles work", "slipway agent --roles work"},
		{"slipway agent --join=slj_x --roles work", "slipway agent --roles work"},
		{"slipway agent --name slj_x", "slipway agent --name slj_x"},
		{"slipway agent --join", "slipway agent --join"},
	} {
		argv, env, found := hideToken(strings.Fields(c.in), environ, "slj_x")
		if got := strings.Join(argv, " "); got != c.want || !found || !slices.Equal(env, []string{"A=slj_x", "SLIPWAY_URL=u"}) {
			t.Errorf("%s: %s, %v, %v", c.in, got, env, found)
		}
	}
	if _, _, found := hideToken([]string{"cli.test", "-test.v"}, []string{"A=b"}, "slj_x"); found {
		t.Error("found where it is not")
	}
}

// TestJoinTokenIsOutOfSight joins as people do, and looks at what every program on the machine can see of the agent.
func TestJoinTokenIsOutOfSight(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what others see of a process is looked up in /proc")
	}
	s := apptest.Start(t)
	token := s.JoinToken(t, "work")
	for name, given := range map[string]struct{ env, args []string }{
		"a flag":     {nil, []string{"--join", token}},
		"a word":     {nil, []string{"--join=" + token}},
		"a variable": {[]string{"SLIPWAY_JOIN=" + token}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			agent := strings.ReplaceAll(name, " ", "-")
			cmd := exec.Command(os.Args[0], append([]string{"agent", "--server", s.URL(), "--roles", "work", "--name", agent, "--data", t.TempDir()}, given.args...)...)
			cmd.Env = append(os.Environ(), append(given.env, asProgram+"=1")...)
			cmd.Stderr = t.Output()
			must(t, cmd.Start())
			defer func() {
				_ = cmd.Process.Signal(syscall.SIGTERM)
				must(t, cmd.Wait())
			}()
			s.Until(t, "it has joined", func() bool {
				var list struct{ Items []struct{ Name string } }
				s.Must(t, "GET", "/v1/agents", nil, &list)
				return slices.ContainsFunc(list.Items, func(a struct{ Name string }) bool { return a.Name == agent })
			})
			for _, file := range []string{"cmdline", "environ"} {
				text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), file))
				must(t, err)
				if strings.Contains(string(text), token) || file == "cmdline" && !strings.Contains(string(text), "--join-fd=") {
					t.Errorf("%s shows %q", file, text)
				}
			}
		})
	}
}

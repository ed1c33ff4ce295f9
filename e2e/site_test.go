package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// site is a server with its machines, each a process of its own, as on machines of their own.
type site struct {
	dir          string
	listen, edge string
	server       *process
	machines     []*process
	printed      []*output // of all that ever ran here
	joinToken    string
	caches       []string // of Go: GOCACHE=… and so on, so that nothing is compiled anew
}

// newSite chooses addresses; nothing runs yet.
func newSite(dir string) (*site, error) {
	s := &site{dir: dir}
	for _, addr := range []*string{&s.listen, &s.edge} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*addr = l.Addr().String()
		defer l.Close()
	}
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil, fmt.Errorf("go env: %w: %s", err, exit.Stderr)
	}
	for i, value := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		s.caches = append(s.caches, names[i]+"="+value)
	}
	return s, err
}

func (s *site) url() string  { return "http://" + s.listen }
func (s *site) data() string { return filepath.Join(s.dir, "server") }

// env is what the command line needs to know, and keeps git and slipway away from the settings of whoever runs the tests.
func (s *site) env() []string {
	return append([]string{
		"SLIPWAY_URL=" + s.url(), "SLIPWAY_TOKEN=" + adminToken,
		"HOME=" + s.dir, "XDG_CONFIG_HOME=" + filepath.Join(s.dir, ".config"),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ana", "GIT_AUTHOR_EMAIL=ana@example.com", "GIT_COMMITTER_NAME=Ana", "GIT_COMMITTER_EMAIL=ana@example.com",
		"CGO_ENABLED=0",
	}, s.caches...)
}

// serve starts the server and waits until it is ready.
func (s *site) serve() error {
	p, err := start(append(os.Environ(), s.env()...), "slipway", "serve", "--data", s.data(), "--listen", s.listen, "--edge-listen", s.edge, "--admin-token", adminToken, "--log-level", "debug")
	if err != nil {
		return err
	}
	s.server, s.printed = p, append(s.printed, &p.out)
	for _, url := range []string{s.url() + "/readyz", "http://" + s.edge} {
		if err := answers(url); err != nil {
			return fmt.Errorf("%w\n%s", err, &p.out)
		}
	}
	return nil
}

// answers waits until a server is ready, or an edge is there: without a release it answers 503.
func answers(url string) error {
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		status, body, err := fetch(url)
		if err == nil && (status == http.StatusOK || !strings.HasSuffix(url, "/readyz")) {
			return nil
		}
		last = fmt.Errorf("%d %q: %w", status, body, err)
	}
	return fmt.Errorf("%s does not answer within %s: %w", url, patience, last)
}

// join starts n more agents of a role. They end what they run when they end.
func (s *site) join(role string, n int) error {
	if s.joinToken == "" {
		cmd := exec.Command("slipway", "join-token", "--roles", "work,host")
		cmd.Env = append(os.Environ(), s.env()...)
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("make a join token: %w", err)
		}
		s.joinToken = strings.TrimSpace(string(out))
	}
	for range n {
		name := fmt.Sprintf("%s-%d", role, len(s.machines)+1)
		p, err := start(append(os.Environ(), s.env()...), "slipway", "agent", "--join", s.joinToken, "--roles", role, "--name", name, "--labels", "zone=here", "--data", filepath.Join(s.dir, "machines", name),
			"--environ", s.caches[0], "--tied", "--log-level", "debug")
		if err != nil {
			return err
		}
		s.machines, s.printed = append(s.machines, p), append(s.printed, &p.out)
	}
	return nil
}

// stop ends all that runs, the edge included.
func (s *site) stop() error {
	var errs []error
	for _, m := range s.machines {
		errs = append(errs, m.end(syscall.SIGTERM))
	}
	s.machines = nil
	if s.server != nil {
		errs = append(errs, s.server.end(syscall.SIGINT))
		s.server = nil
	}
	stop := exec.Command("slipway", "edge", "stop", "--data", s.data())
	if out, err := stop.CombinedOutput(); err == nil {
		errs = append(errs, fmt.Errorf("the edge outlived a server that ended by ctrl-C: %s", out))
	}
	return errors.Join(errs...)
}

// log is the end of what was printed here, for whoever has to understand a failure.
func (s *site) log() string {
	var b strings.Builder
	for i, p := range s.printed {
		lines := slices.DeleteFunc(strings.Split(p.String(), "\n"), func(line string) bool { return strings.Contains(line, "msg=request ") })
		fmt.Fprintf(&b, "== program %d\n%s\n", i+1, strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
	return b.String()
}

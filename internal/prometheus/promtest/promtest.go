// Package promtest starts a real Prometheus for tests, on a port of loopback and in a folder of its own.
package promtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options are what the server knows. The zero value is one that knows nothing.
type Options struct {
	// Scrape is a host and port that is asked for /metrics each second; empty for none.
	Scrape string
	// Config is a whole configuration instead.
	Config string
	// History is OpenMetrics text with timestamps, of any time past.
	History string
}

// Start starts a server, which ends with the test, and gives its address.
func Start(t testing.TB, o Options) string {
	t.Helper()
	for _, program := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("SLIPWAY_REQUIRE") != "" {
				t.Fatalf("%v; scripts/needs.sh test installs it", err)
			}
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if o.History != "" {
		backfill(t, filepath.Join(dir, "history.om"), o.History, data)
	}
	config := "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
	if o.Scrape != "" {
		config += fmt.Sprintf("scrape_configs: [{job_name: app, static_configs: [{targets: [%q]}]}]\n", o.Scrape)
	}
	if o.Config != "" {
		config = o.Config
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return run(t, dir, data)
}

func backfill(t testing.TB, file, text, data string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(context.Background(), "promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", file, data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// run starts it and waits until it listens and has read what there is.
func run(t testing.TB, dir, data string) string {
	t.Helper()
	server := exec.CommandContext(context.Background(), "prometheus", "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", data,
		"--storage.tsdb.retention.time", "36500d", "--web.listen-address", "127.0.0.1:0")
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines, ended := make(chan string, 1000), make(chan struct{})
	go func() { // ends with the server's log
		defer close(ended)
		defer close(lines)
		for s := bufio.NewScanner(log); s.Scan(); {
			select {
			case lines <- s.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		<-ended
		_ = server.Wait()
	})
	address, timeout := "", time.After(time.Minute)
	for said := []string{}; ; {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("prometheus ended: %s", strings.Join(said, "\n"))
			}
			said = append(said, line)
			if _, after, ok := strings.Cut(line, `msg="Listening on" address=`); ok {
				address = strings.Fields(after)[0]
			}
			if address != "" && strings.Contains(line, "Server is ready to receive web requests") {
				return "http://" + address
			}
		case <-timeout:
			t.Fatalf("prometheus does not start: %s", strings.Join(said, "\n"))
		}
	}
}

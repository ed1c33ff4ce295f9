package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
)

// target is how soon 99 of 100 clients are to know.
const target = 200 * time.Millisecond

// pause is between two changes.
const pause = 300 * time.Millisecond

func main() {
	clients := flag.Int("clients", 10_000, "streams that are open")
	changes := flag.Int("changes", 20, "changes to time")
	flags := flag.Int("flags", 50, "flags in the payload")
	flag.Parse()
	rig.Main(func(ctx context.Context, r *rig.Rig) error { return measure(ctx, r, *clients, *changes, *flags) })
}

func measure(ctx context.Context, r *rig.Rig, clients, changes, flags int) error {
	if err := raise(clients); err != nil {
		return err
	}
	before := rig.Load()
	s, err := r.Serve(ctx, "server", false)
	if err != nil {
		return err
	}
	k, err := prepare(ctx, s, flags)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, one := range []struct{ name, path string }{
		{"the whole payload (GrowthBook)", "/sub/" + k.Key},
		{"a word to ask again (OFREP)", "/ofrep/v1/streams/shop/" + k.ID},
	} {
		row, err := timed(ctx, s, one.name, one.path, clients, changes)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	s.Stop()
	if err := rig.Table(os.Stdout, []string{"what a message is", "bytes", "streams", "changes", "saved ms", "seen p50 ms", "p99", "last", "CPU of the server ms", "of the clients", "KiB a stream", fmt.Sprint("p99 at most ", rig.Millis(target)), ""}, rows); err != nil {
		return err
	}
	_, err = fmt.Printf("load before %s, after %s\n", before, rig.Load())
	return err
}

// raise lets this process, and the server that it starts, have so many connections.
func raise(clients int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read how many files may be open: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("let more files be open: %w", err)
	}
	// A server keeps a quarter for other things than streams, and a fifth of its streams for other keys.
	if need := uint64(clients)*5/3 + 100; limit.Max < need {
		return fmt.Errorf("%d streams take a limit of %d open files (ulimit -n); here it is %d", clients, need, limit.Max)
	}
	return nil
}

// key is a key of flags, as the API gives it.
type key struct{ ID, Key string }

// prepare makes an app with flags.
func prepare(ctx context.Context, s *rig.Server, flags int) (k key, err error) {
	if err := s.Call(ctx, http.MethodPost, "/v1/apps", `{"name":"shop"}`, nil); err != nil {
		return k, err
	}
	made := func(name, state string) error {
		return s.Call(ctx, http.MethodPost, "/v1/apps/shop/flags", fmt.Sprintf(`{"name":%q,"type":"number","states":{"production":%s}}`, name, state), nil)
	}
	if err := made(changing, `{"on":true,"default":0}`); err != nil {
		return k, err
	}
	for i := range flags {
		state := fmt.Sprintf(`{"on":true,"default":0,"rules":[{"id":"team","condition":{"email":{"$regexi":"@example\\.com$"}},"force":1},{"id":"ramp","condition":{"country":{"$in":["US","CA"]}},"force":%d,"coverage":0.1,"hashVersion":2}]}`, i)
		if err := made(fmt.Sprintf("flag-%03d", i), state); err != nil {
			return k, err
		}
	}
	return k, s.Call(ctx, http.MethodPost, "/v1/apps/shop/keys", `{"name":"web","kind":"client"}`, &k)
}

// timed opens the streams of one kind, and times the changes.
func timed(ctx context.Context, s *rig.Server, name, path string, clients, changes int) ([]string, error) {
	empty, _, err := s.Memory()
	if err != nil {
		return nil, err
	}
	c := newCrowd(clients)
	defer c.close()
	if err := c.open(ctx, strings.TrimPrefix(s.URL, "http://"), path); err != nil {
		return nil, err
	}
	full, _, err := s.Memory()
	if err != nil {
		return nil, err
	}
	var saved, seen []time.Duration
	server, own := cpu(s.PID()), cpu(os.Getpid())
	for i := range changes {
		time.Sleep(pause)
		begin := c.expect()
		if err := s.Call(ctx, http.MethodPut, "/v1/apps/shop/environments/production/flags/"+changing, fmt.Sprintf(`{"on":true,"default":%d}`, i+1000), nil); err != nil {
			return nil, err
		}
		saved = append(saved, time.Since(begin))
		took, err := c.all(ctx)
		if err != nil {
			return nil, fmt.Errorf("change %d: %w", i, err)
		}
		seen = append(seen, took...)
	}
	server, own = cpu(s.PID())-server, cpu(os.Getpid())-own
	p99 := rig.Quantile(seen, 0.99)
	return []string{
		name, fmt.Sprint(c.bytes.Load()), fmt.Sprint(clients), fmt.Sprint(changes), rig.Millis(rig.Median(saved)), rig.Millis(rig.Median(seen)), rig.Millis(p99), rig.Millis(rig.Quantile(seen, 1)),
		rig.Millis(server / time.Duration(changes)), rig.Millis(own / time.Duration(changes)), fmt.Sprintf("%.0f", float64(full-empty)/1024/float64(clients)), rig.Verdict(p99 <= target),
	}, nil
}

// cpu is the processor time that a process has taken; pauses cost it next to nothing. It tells of a busy machine what the other times do not.
func cpu(pid int) time.Duration {
	const tick = 10 * time.Millisecond // as Linux counts, whatever the machine
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(text), ") ") // behind the program's name
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11]) // numbers, as the system writes them
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

package agent

import (
	"strings"
	"testing"
	"time"
)

func TestMistakesInOptionsAreToldAllAtOnce(t *testing.T) {
	o := Options{
		Server: "there", Name: "my box", Roles: []string{"work", "captain"}, Labels: map[string]string{"zone": "eu west", "": "x"}, Addr: "bad:1", Ports: [2]int{9, 3},
		Drain: -time.Second, Statsd: "8125", StatsdTags: []string{"status", "a b"}, Slots: -2, Environ: []string{"GOFLAGS=-a", "foo", "1A=x", "SLIPWAY_TOKEN=x", ""},
	}
	want := []string{
		`--name "my box" is no name`, `--roles: "captain" is no role`, `--server "there" is no URL`, `--addr "bad:1" has a port`, `--labels "" is not a label`,
		`--labels "eu west" is not a label`, "--ports 9-3 is not a range", `--statsd "8125" is no address`, `--statsd-tags "a b" is no tag's name`, "--slots -2 is too few", "--drain -1s is negative", `--environ "foo" is not NAME=value`,
		`--environ "1A" is not a variable's name`, "--environ SLIPWAY_TOKEN: the names that begin with SLIPWAY_",
	}
	err := o.Check()
	if err == nil {
		t.Fatal("no mistake is told")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("%d mistakes, want %d:\n%v", len(lines), len(want), err)
	}
	for i, w := range want {
		if i < len(lines) && !strings.HasPrefix(lines[i], w) {
			t.Errorf("mistake %d is %q, want %q", i, lines[i], w)
		}
	}
	if err := (Options{}).Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

func TestWhereStatsdIsTaken(t *testing.T) {
	for _, addr := range []string{"", "off", "127.0.0.1:8125", "127.0.0.1:0", "[::1]:8125", "localhost:8125", "0.0.0.0:9125"} {
		if err := (Options{Statsd: addr}).Check(); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, addr := range []string{"none", "8125", ":8125", "127.0.0.1", "127.0.0.1:", "127.0.0.1:statsd", "127.0.0.1:65536", "127.0.0.1:+1", "udp://127.0.0.1:8125", "there:8125"} {
		if (Options{Statsd: addr}).Check() == nil {
			t.Errorf("%s is taken for an address", addr)
		}
	}
	if o, err := (Options{}).withDefaults(); err != nil || o.statsd() != "127.0.0.1:8125" || (Options{Statsd: StatsdOff}).statsd() != "" {
		t.Errorf("by default %q, %v", o.Statsd, err)
	}
	if (Options{StatsdTags: strings.Split("abcdefghi", "")}).Check() == nil {
		t.Error("any number of tags is kept")
	}
}

func TestAddresses(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1", "fe80::1%eth0", "host", "host-3.example.com", "a_b.internal", "example.com."} {
		if why := wrongAddr(addr); why != "" {
			t.Errorf("%s: %s", addr, why)
		}
	}
	for _, addr := range []string{"bad:1", ":80", "[::1]", "[::1]:80", "0.0.0.0", "::", "a b", "http://host", "host/", "-host", ".host", "a..b"} {
		if wrongAddr(addr) == "" {
			t.Errorf("%s is taken for an address", addr)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"box", "Box-3.example.com", "bü1", "0a_b"} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "my box", "a/b", "-a", "a\nb", "a\x1b[31m", "\xff", strings.Repeat("a", 101)} {
		if CheckName(name) == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}

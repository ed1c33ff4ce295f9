package proc

import (
	"slices"
	"testing"
)

func TestLadder(t *testing.T) {
	all, inside := Walls{Mounts: true, PIDs: true}, Walls{Users: true, Mounts: true, PIDs: true}
	for _, c := range []struct {
		name        string
		want        Isolation
		root, admin bool
		steps       []Walls
	}{
		{"root", Auto, true, true, []Walls{all, {Mounts: true}, {}}},
		{"root in a container", Auto, true, false, []Walls{{}}},
		{"root in a container must", Namespaces, true, false, nil},
		{"an ordinary user", Auto, false, false, []Walls{inside, {Users: true, Mounts: true}, {}}},
		{"an ordinary user must", Namespaces, false, false, []Walls{inside, {Users: true, Mounts: true}}},
		{"an ordinary user will not", Processes, false, false, []Walls{{}}},
		{"a user with the right", Auto, false, true, []Walls{all, {Mounts: true}, {}}},
	} {
		if got := ladder(c.want, c.root, c.admin); !slices.Equal(got, c.steps) {
			t.Errorf("%s: %v, want %v", c.name, got, c.steps)
		}
	}
}

func TestIsolationsHaveNames(t *testing.T) {
	for text, want := range map[string]Isolation{"": Auto, "auto": Auto, "namespaces": Namespaces, "processes": Processes} {
		if got, err := ParseIsolation(text); got != want || err != nil {
			t.Errorf("ParseIsolation(%q) = %q, %v", text, got, err)
		}
	}
	if _, err := ParseIsolation("container"); err == nil {
		t.Error("a container is no isolation of ours")
	}
	if got := (Walls{Users: true, PIDs: true}).String() + ", " + (Walls{}).String(); got != "users, processes, none" {
		t.Error(got)
	}
}

package testreport

import (
	"path"
	"strings"
)

// unitIndex finds the unit a result belongs to. What list prints and what a
// report says are rarely the same text: "./cart" and "example.org/shop/cart",
// "tests/test_cart.py" and "tests.test_cart.TestCart".
type unitIndex struct {
	exact    map[string]int // the unit as it was listed, without ./
	dotted   map[string]int // a/b/c.py as a.b.c
	relative map[string]int // ./a/b, to be found at the end of an import path
}

// newUnitIndex indexes the units of a lease. Class names are looked for by
// their beginning only where there are classes: the package shop/cart is no
// part of the package shop.
func newUnitIndex(format Format, units []string) *unitIndex {
	x := &unitIndex{exact: make(map[string]int), dotted: make(map[string]int), relative: make(map[string]int)}
	for i, unit := range units {
		plain := path.Clean(unit)
		addOnce(x.exact, unit, i)
		addOnce(x.exact, plain, i)
		if format == JUnit {
			addOnce(x.dotted, dotted(plain), i)
		}
		if strings.HasPrefix(unit, "./") && plain != "." {
			addOnce(x.relative, plain, i)
		}
	}
	return x
}

func addOnce(m map[string]int, key string, i int) {
	if _, taken := m[key]; !taken {
		m[key] = i
	}
}

// dotted writes a path as a dotted name: tests/test_cart.py as tests.test_cart.
func dotted(name string) string {
	if strings.Contains(name, "/") {
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return strings.ReplaceAll(name, "/", ".")
}

// find returns the index of the unit: the one named by the file, the class or
// package, or the suite; else the one whose path ends the package's, or whose
// dotted name begins the class's; else the one named like the test.
func (x *unitIndex) find(r Result) (int, bool) {
	places := []string{r.File, r.Unit, r.Suite}
	for _, name := range places {
		if at, ok := x.findExact(name); ok {
			return at, true
		}
	}
	if at, ok := x.findByEnd(r.Unit); ok {
		return at, true
	}
	for _, name := range places {
		if at, ok := x.findByStart(dotted(path.Clean(name))); ok {
			return at, true
		}
	}
	test, _, _ := strings.Cut(r.Name, "/")
	return x.findExact(test)
}

func (x *unitIndex) findExact(name string) (int, bool) {
	if name == "" {
		return 0, false
	}
	if at, ok := x.exact[name]; ok {
		return at, true
	}
	at, ok := x.exact[path.Clean(name)]
	return at, ok
}

// findByEnd drops parts from the front of a package path.
func (x *unitIndex) findByEnd(name string) (int, bool) {
	for len(x.relative) > 0 && name != "" {
		if at, ok := x.relative[name]; ok {
			return at, true
		}
		_, name, _ = strings.Cut(name, "/")
	}
	return 0, false
}

// findByStart drops parts from the end of a dotted name.
func (x *unitIndex) findByStart(name string) (int, bool) {
	for name != "" && name != "." {
		if at, ok := x.dotted[name]; ok {
			return at, true
		}
		name = name[:max(0, strings.LastIndexByte(name, '.'))]
	}
	return 0, false
}

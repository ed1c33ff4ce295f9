package shard

import (
	"path"
	"strings"
)

// maxSource is the most bytes of one file that count: what is larger holds data.
const maxSource = 256 << 10

// Sizes finds out how much source the tests of listed units have, from the files of the commit. It is a weak hint of how long a unit that was never
// seen will take, and the only one there is.
//
// A unit is looked for as
//   - a file: "tests/test_cart.py", also with a place in it ("tests/test_cart.py::test_add", "spec/cart_spec.rb:12");
//   - a folder: "./internal/cart", also as the tail of an import path ("example.com/shop/internal/cart"): the files of tests in it and below it,
//     down to the next listed folder;
//   - a class: "com.shop.CartTest" is what CartTest.java holds, or CartTest.kt.
//
// Units in one file share its size. Make it with NewSizes, show it all files by Add, then ask for Result.
type Sizes struct {
	names                   []string
	files, folders, classes map[string][]int // units, by where they may be
	found                   []finding
}

// finding is what was seen of one unit.
type finding struct {
	file, class int64
	folders     map[string]folder
}

// folder is what lies in a folder that a unit may mean.
type folder struct {
	tests int64 // bytes
	code  bool  // it holds Go
}

// NewSizes looks for units of these names.
func NewSizes(names []string) *Sizes {
	s := &Sizes{names: names, files: map[string][]int{}, folders: map[string][]int{}, classes: map[string][]int{}, found: make([]finding, len(names))}
	put := func(into map[string][]int, key string, unit int) { into[key] = append(into[key], unit) }
	for i, name := range names {
		name = strings.TrimSpace(name)
		whole := located(name)
		put(s.files, whole, i)
		if end := strings.IndexAny(name, ":#["); end > 0 {
			put(s.files, located(name[:end]), i)
		}
		for tail := whole; tail != ""; _, tail, _ = strings.Cut(tail, "/") {
			put(s.folders, tail, i)
		}
		if class, _, _ := strings.Cut(name, "#"); !strings.Contains(class, "/") {
			put(s.classes, class[strings.LastIndexByte(class, '.')+1:], i)
		}
	}
	return s
}

// located is the name as a path from the root of the repository, "" for the root itself.
func located(name string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.TrimSpace(name)), "/")
}

// Add shows a file of the commit, by its path from the root of the repository.
func (s *Sizes) Add(file string, bytes int64) {
	bytes = min(max(bytes, 1), maxSource)
	for _, i := range s.files[file] {
		s.found[i].file = max(1, bytes/int64(len(s.files[file])))
	}
	dir, base := path.Split(file)
	if class, _, ok := strings.Cut(base, "."); ok {
		for _, i := range s.classes[class] {
			s.found[i].class = max(1, bytes/int64(len(s.classes[class])))
		}
	}
	for dir = strings.TrimSuffix(dir, "/"); dir != ""; dir = dir[:max(0, strings.LastIndexByte(dir, '/'))] {
		if units := s.folders[dir]; len(units) > 0 {
			for _, i := range units {
				s.found[i].add(dir, base, bytes)
			}
			return // what is above has what is in no listed folder
		}
	}
}

func (f *finding) add(dir, base string, bytes int64) {
	if f.folders == nil {
		f.folders = map[string]folder{}
	}
	at := f.folders[dir]
	at.code = at.code || strings.HasSuffix(base, ".go")
	if name := strings.ToLower(base); strings.Contains(name, "test") || strings.Contains(name, "spec") {
		at.tests += bytes
	}
	f.folders[dir] = at
}

// Result gives the bytes of each unit's tests, in the order of the names: at least 1 for one that was found, 0 for one of which nothing is known.
func (s *Sizes) Result() []int64 {
	out := make([]int64, len(s.names))
	for i, f := range s.found {
		out[i] = f.file
		if out[i] == 0 {
			out[i] = f.inFolder(located(s.names[i]))
		}
		if out[i] == 0 {
			out[i] = f.class
		}
	}
	return out
}

// inFolder looks into the folder that most of the name fits. Go without files of tests has none; elsewhere they may be in the code itself, so that nothing is known.
func (f finding) inFolder(name string) int64 {
	for tail := name; tail != ""; _, tail, _ = strings.Cut(tail, "/") {
		at, ok := f.folders[tail]
		switch {
		case ok && at.code:
			return max(1, at.tests)
		case ok:
			return at.tests
		}
	}
	return 0
}

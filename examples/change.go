package examples

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Change is a commit to a work tree of the shop.
type Change struct {
	Name    string
	Message string // of the commit: a line, an empty line, the reason
	edits   []edit
}

// edit replaces one passage of a file, or adds or removes the file as a whole.
type edit struct {
	file     string
	old, new string
	whole    bool // old is empty: the file is added; new is empty: it is removed
}

// ErrNotApplicable says that the work tree does not hold what a change replaces.
var ErrNotApplicable = errors.New("the change does not fit the work tree")

const (
	replaceMark = ": replace"
	withMark    = ": with"
)

// parse reads a change. A section named after a file adds it; "FILE: replace" is followed by "FILE: with".
func parse(name string, text []byte) (Change, error) {
	archive := txtar.Parse(text)
	c := Change{Name: name, Message: string(archive.Comment)}
	for i := 0; i < len(archive.Files); i++ {
		section := archive.Files[i]
		file, replaces := strings.CutSuffix(section.Name, replaceMark)
		if !replaces {
			c.edits = append(c.edits, edit{file: file, new: string(section.Data), whole: true})
			continue
		}
		i++
		if i == len(archive.Files) || archive.Files[i].Name != file+withMark {
			return Change{}, fmt.Errorf("change %s: %q is not followed by %q", name, section.Name, file+withMark)
		}
		c.edits = append(c.edits, edit{file: file, old: string(section.Data), new: string(archive.Files[i].Data)})
	}
	return c, nil
}

// Apply makes the change in the work tree, wholly or, with ErrNotApplicable, not at all.
func (c Change) Apply(dir string) error {
	if err := write(dir, c.edits); err != nil {
		return fmt.Errorf("apply change %q to %s: %w", c.Name, dir, err)
	}
	return nil
}

// Undo takes the change back, wholly or, with ErrNotApplicable, not at all. What was changed elsewhere stays.
func (c Change) Undo(dir string) error {
	back := make([]edit, 0, len(c.edits))
	for i := len(c.edits) - 1; i >= 0; i-- {
		e := c.edits[i]
		e.old, e.new = e.new, e.old
		back = append(back, e)
	}
	if err := write(dir, back); err != nil {
		return fmt.Errorf("undo change %q in %s: %w", c.Name, dir, err)
	}
	return nil
}

// In says whether the work tree holds the change, so that it can be undone.
func (c Change) In(dir string) bool {
	for _, e := range c.edits {
		text, err := read(dir, e.file)
		if err != nil || strings.Count(text, e.new) != 1 {
			return false
		}
	}
	return len(c.edits) > 0
}

// write works out all files first and writes them then.
func write(dir string, edits []edit) error {
	after := make(map[string]string)
	for _, e := range edits {
		text, seen := after[e.file]
		if !seen {
			var err error
			if text, err = read(dir, e.file); err != nil {
				return err
			}
		}
		text, err := e.on(text)
		if err != nil {
			return err
		}
		after[e.file] = text
	}
	for file, text := range after {
		if err := put(filepath.Join(dir, filepath.FromSlash(file)), text); err != nil {
			return err
		}
	}
	return nil
}

func (e edit) on(text string) (string, error) {
	if e.whole {
		if text != e.old {
			return "", fmt.Errorf("%s is not as the shop has it: %w", e.file, ErrNotApplicable)
		}
		return e.new, nil
	}
	if strings.Count(text, e.old) != 1 {
		line, _, _ := strings.Cut(e.old, "\n")
		return "", fmt.Errorf("%s: no single passage that starts with %q: %w", e.file, strings.TrimSpace(line), ErrNotApplicable)
	}
	return strings.Replace(text, e.old, e.new, 1), nil
}

// read returns a file's text; a missing file is empty.
func read(dir, file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// put writes a file, or removes it when there is no text for it.
func put(path, text string) error {
	if text == "" {
		return os.Remove(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

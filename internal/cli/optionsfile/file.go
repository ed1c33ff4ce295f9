// Package optionsfile reads the options of serve, agent and edge from a file, by the names of their flags.
package optionsfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Flag is for programs whose options can stand in a file, by the names of their flags.
type Flag struct {
	Config string `help:"File of options: YAML, by the names of these flags. Flags and variables go before it." placeholder:"FILE" env:"SLIPWAY_CONFIG"`
}

// File is the file that --config names. To kong it is a resolver: it gives the flags that neither the command line nor the environment gives. What is wrong in
// it does not end the reading of the command line, so that it is told of together with what else is wrong.
type File struct {
	looked  bool
	path    string
	options manifest.Options
	err     error
}

// Validate has nothing to do: what the file may say depends on the verb.
func (f *File) Validate(*kong.Application) error { return nil }

// Resolve gives what the file says of a flag, nil where that is nothing, or does not count.
func (f *File) Resolve(c *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	verb := c.Selected()
	if verb == nil || !slices.Contains(verb.Flags, flag) {
		return nil, nil
	}
	if !f.looked {
		f.looked = true
		f.look(c, verb)
	}
	given, ok := f.options[flag.Name]
	if !ok {
		return nil, nil
	}
	if slices.ContainsFunc(flag.Envs, func(name string) bool { _, set := os.LookupEnv(name); return set }) {
		delete(f.options, flag.Name)
		return nil, nil
	}
	switch value := given.Value.(type) {
	case []string: // kong knows lists and maps of anything
		list := make([]any, len(value))
		for i, word := range value {
			list[i] = word
		}
		return list, nil
	case map[string]string:
		pairs := make(map[string]any, len(value))
		for name, text := range value {
			pairs[name] = text
		}
		return pairs, nil
	}
	return f.fromHere(flag, given.Value), nil
}

// fromHere makes the path of a file one from the folder of the options file: it means the same wherever the program is started.
func (f *File) fromHere(flag *kong.Flag, value any) any {
	text, _ := value.(string)
	mark, path := "", text
	switch {
	case flag.Name == "join" && strings.HasPrefix(text, "@"):
		mark, path = "@", text[1:]
	case flag.Tag.Type != "path":
		return value
	}
	if path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, "~/") {
		return value
	}
	return mark + filepath.Join(filepath.Dir(f.path), path)
}

// look reads the file that the verb was given, if it was given one.
func (f *File) look(c *kong.Context, verb *kong.Node) {
	i := slices.IndexFunc(verb.Flags, func(flag *kong.Flag) bool {
		return flag.Name == "config" && flag.Target.Type().Kind() == reflect.String
	})
	if i < 0 {
		return
	}
	path, _ := c.FlagValue(verb.Flags[i]).(string)
	if path == "" {
		return
	}
	f.path = path
	text, open, err := readOptions(path)
	if err != nil {
		f.err = err
		return
	}
	given, problems := manifest.ParseOptions(path, text, optionsOf(verb))
	f.err = problems.Err()
	if open {
		f.err = errors.Join(f.err, exposed(path, given))
	}
	for _, p := range c.Path { // what the command line says goes before
		if p.Flag != nil {
			delete(given, p.Flag.Name)
		}
	}
	f.options = given
}

// readOptions reads the file; open tells whether everybody on the machine can.
func readOptions(path string) (text []byte, open bool, err error) {
	wrong := func(err error) error {
		var where *fs.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		return fault.Invalid("--config %s cannot be read: %v", path, err).At("config")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, false, wrong(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(file, manifest.MaxSize+1))
	}
	if err != nil {
		return nil, false, wrong(err)
	}
	const others = 0o006
	return text, info.Mode().Perm()&others != 0, nil
}

// secretOptions are those whose value is a secret, or holds one.
func secretOptions() []string {
	return []string{"admin-token", "secret-key", "prometheus-token", "join"}
}

// exposed names what stands in a file that everybody on the machine can read, or write, and nobody should.
func exposed(path string, given manifest.Options) error {
	var names []string
	for name, g := range given {
		text, _ := g.Value.(string)
		secret := slices.Contains(secretOptions(), name) && !strings.HasPrefix(text, "@")
		inURL := slices.Contains([]string{"database", "analytics", "nats", "prometheus", "limit-store"}, name) && hasPassword(text)
		if secret || inURL {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fault.Invalid("%s holds a secret (%s), and everybody on this machine can open it; take it from them: chmod o= %s", path, strings.Join(names, ", "), path).At("config")
}

// optionsOf lists what a file may say for a verb: its flags, but those that are made for programs.
func optionsOf(verb *kong.Node) []manifest.Option {
	var known []manifest.Option
	for _, flag := range verb.Flags {
		if flag.Hidden || flag.Name == "help" || flag.Name == "config" {
			continue
		}
		o := manifest.Option{Name: flag.Name, Shape: shapeOf(flag.Target.Type())}
		if flag.Enum != "" {
			o.Choices = flag.EnumSlice()
		}
		known = append(known, o)
	}
	return known
}

func shapeOf(t reflect.Type) manifest.Shape {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return manifest.Span
	case t.Kind() == reflect.Bool:
		return manifest.Switch
	case t.Kind() == reflect.Int:
		return manifest.Count
	case t.Kind() == reflect.Slice:
		return manifest.Words
	case t.Kind() == reflect.Map:
		return manifest.Pairs
	}
	return manifest.Text
}

// Err is what is wrong in the file itself.
func (f *File) Err() error { return f.err }

// With joins what is wrong in the file and what is wrong with the options, each of which is told by its place in the file if it is from there.
func (f *File) With(err error) error { return errors.Join(f.err, f.placed(err)) }

func (f *File) placed(err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, one := range several.Unwrap() {
			errs = append(errs, f.placed(one))
		}
		return errors.Join(errs...)
	}
	var wrong *fault.Error
	if errors.As(err, &wrong) && wrong.Code == fault.CodeInvalid {
		if at, ok := f.options.Locate(f.path, wrong.Field); ok {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return err
}

// hasPassword tells whether a URL holds a password, or may.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return strings.Contains(text, "@")
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password")
}

package carry

import (
	"errors"
	"os"
	"reflect"
	"sync"
)

// Saver is a value that says itself how it is carried: as text or as bytes.
type Saver interface {
	SaveCarry() ([]byte, error)
}

// Loader is what a [Saver] is brought back by: it becomes the value of which these are the bytes, which it may keep.
type Loader interface {
	LoadCarry(saved []byte) error
}

// Memory is plain memory in what a codec carries. Of 64 KiB and more it is a block of the file, page by page, and is mapped when it is
// loaded: Data may then be written and kept, and begins at a multiple of 64.
type Memory struct{ Data []byte }

// codec carries values of one type as values of another one.
type codec struct {
	stand   reflect.Type                                     // what stands for a value in the file
	pack    func(v reflect.Value) (reflect.Value, error)     // returns a pointer to what stands for v
	lend    func(reflect.Value) (reflect.Value, bool, error) // instead, for a file that ends with its kernel; may be nil
	lent    func(stand reflect.Value, f *os.File) error      // when that file is written, if something was lent; may be nil
	unpack  func(stand reflect.Value, v reflect.Value) error // sets v by what stands for it
	release func(stand reflect.Value)                        // when it is written; may be nil
	loaded  func(v reflect.Value)                            // when the variable is whole; may be nil
	summary func(v reflect.Value) string                     // may be nil
}

// Codec says how values of T are carried: as values of S, which carry themselves.
type Codec[T, S any] struct {
	Pack    func(T) (S, error)
	Unpack  func(S) (T, error)
	Release func(S)        // is called when what Pack returned has been written; may be nil
	Loaded  func(T)        // is called for what Unpack returned when the whole variable has been loaded; may be nil
	Summary func(T) string // one line; may be nil

	// Lend is Pack for a variable's file, which ends with its kernel: what it returns may name what lives elsewhere as long as that file has
	// a name in its folder; then lent is true, and Lent is called with the file when it is whole, before it gets its name. Both may be nil.
	Lend func(T) (s S, lent bool, err error)
	Lent func(S, *os.File) error
}

// Gone returns the error of an Unpack whose value is not there any more: who loads it is told which cell to run again.
func Gone(why string) error { return &goneError{why} }

type goneError struct{ why string }

func (e *goneError) Error() string { return e.why }

// codecs are by type. Those of interfaces carry what no other codec knows and their type is implemented by.
var codecs = struct {
	sync.Mutex
	of         map[reflect.Type]*codec
	interfaces []reflect.Type
}{of: map[reflect.Type]*codec{}}

// Register makes a codec known for T: a type whose values hold what only its package knows, or an interface, such as that of
// backends, whose values are then known by what it asks of them. Packages call it in their init functions. It panics if T has one,
// if S is T, which would never end, and without Pack or Unpack.
func Register[T, S any](c Codec[T, S]) {
	t := reflect.TypeFor[T]()
	switch {
	case t == reflect.TypeFor[S]():
		panic("carry: " + t.String() + " cannot be carried as itself: give its codec another type to stand for it")
	case c.Pack == nil || c.Unpack == nil:
		panic("carry: the codec of " + t.String() + " lacks Pack or Unpack")
	}
	made := &codec{
		stand: reflect.TypeFor[S](),
		pack: func(v reflect.Value) (reflect.Value, error) {
			s, err := c.Pack(v.Interface().(T))
			return reflect.ValueOf(&s), err
		},
		unpack: func(stand, v reflect.Value) error {
			x, err := c.Unpack(*stand.Interface().(*S))
			if err == nil {
				v.Set(reflect.ValueOf(&x).Elem())
			}
			return err
		},
	}
	if c.Lend != nil {
		made.lend = func(v reflect.Value) (reflect.Value, bool, error) {
			s, lent, err := c.Lend(v.Interface().(T))
			return reflect.ValueOf(&s), lent, err
		}
	}
	if c.Lent != nil {
		made.lent = func(stand reflect.Value, f *os.File) error { return c.Lent(*stand.Interface().(*S), f) }
	}
	if c.Release != nil {
		made.release = func(stand reflect.Value) { c.Release(*stand.Interface().(*S)) }
	}
	if c.Loaded != nil {
		made.loaded = func(v reflect.Value) { c.Loaded(v.Interface().(T)) }
	}
	if c.Summary != nil {
		made.summary = func(v reflect.Value) string { return c.Summary(v.Interface().(T)) }
	}
	codecs.Lock()
	defer codecs.Unlock()
	if codecs.of[t] != nil {
		panic("carry: " + t.String() + " has a codec already")
	}
	codecs.of[t] = made
	if t.Kind() == reflect.Interface {
		codecs.interfaces = append(codecs.interfaces, t)
		return
	}
	know(t)
}

func registered(t reflect.Type) *codec {
	codecs.Lock()
	defer codecs.Unlock()
	return codecs.of[t]
}

// interfaceCodec returns the codec of an interface that t implements.
func interfaceCodec(t reflect.Type) (reflect.Type, *codec) {
	codecs.Lock()
	defer codecs.Unlock()
	for _, i := range codecs.interfaces {
		if t.Implements(i) {
			return i, codecs.of[i]
		}
	}
	return nil, nil
}

var (
	saverType  = reflect.TypeFor[Saver]()
	loaderType = reflect.TypeFor[Loader]()
	bytesType  = reflect.TypeFor[[]byte]()
)

// ownMethods returns the codec of a type with the methods of Saver and Loader, nil if it has none.
func ownMethods(t reflect.Type) *codec {
	return byMethods(t, saverType, loaderType,
		func(v any) ([]byte, error) { return v.(Saver).SaveCarry() },
		func(v any, b []byte) error { return v.(Loader).LoadCarry(b) })
}

// methods are pairs that carry types of other packages.
var methods []func(reflect.Type) *codec

// RegisterMethods makes a pair of methods known, as two types of interfaces, by which values flow that nothing else carries: types of
// other packages with fields that only these know. Of several pairs the first that a type has is taken. Packages call it in their init
// functions. Package carry itself knows of none: whoever asks for methods by an interface links those of all types in the program.
func RegisterMethods(saves, loads reflect.Type, save func(any) ([]byte, error), load func(any, []byte) error) {
	methods = append(methods, func(t reflect.Type) *codec { return byMethods(t, saves, loads, save, load) })
}

// otherMethods returns the codec of a type that has such a pair, nil if it has none.
func otherMethods(t reflect.Type) *codec {
	for _, by := range methods {
		if c := by(t); c != nil {
			return c
		}
	}
	return nil
}

// byMethods returns the codec of a type whose pointers have a pair of methods.
func byMethods(t, saves, loads reflect.Type, save func(any) ([]byte, error), load func(any, []byte) error) *codec {
	p := reflect.PointerTo(t)
	if t.Kind() == reflect.Interface || !p.Implements(saves) || !p.Implements(loads) {
		return nil
	}
	return &codec{
		stand: bytesType,
		pack: func(v reflect.Value) (stand reflect.Value, err error) {
			defer func() { // it is the user's
				if r := recover(); r != nil {
					err = errors.New("the methods of " + t.String() + " that it is carried by panicked")
				}
			}()
			b, err := save(v.Addr().Interface())
			return reflect.ValueOf(&b), err
		},
		unpack: func(stand, v reflect.Value) (err error) {
			defer func() { // it is the user's, and what it gets may be damaged
				if recover() != nil {
					err = errors.New("its methods cannot read what they have written")
				}
			}()
			return load(v.Addr().Interface(), stand.Elem().Bytes())
		},
	}
}

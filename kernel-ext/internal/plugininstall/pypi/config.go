package pypi

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Config is what is used of pip's configuration.
type Config struct {
	Indexes      []string // addresses of indexes, the first first; none with no-index
	FindLinks    []string // folders, and addresses of pages, with links to wheels
	Cert         string   // a file or folder with the certificates to trust; "": the system's
	TrustedHosts []string // hosts, or host:port, whose certificates are not checked and that may use plain http
	Proxy        string   // "": as the environment says
}

const defaultIndex = "https://pypi.org/simple"

// ReadConfig reads pip's configuration. The error names the file and line that cannot be read.
func ReadConfig() (Config, error) {
	options := map[string]string{}
	for _, file := range configFiles() {
		if err := readFile(file, options); err != nil {
			return Config{}, fmt.Errorf("pip's configuration: %w", err)
		}
	}
	for _, name := range []string{"index-url", "extra-index-url", "find-links", "no-index", "cert", "trusted-host", "proxy"} {
		if value := os.Getenv("PIP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))); value != "" {
			options[name] = value
		}
	}
	c := Config{FindLinks: strings.Fields(options["find-links"]), Cert: options["cert"],
		TrustedHosts: strings.Fields(options["trusted-host"]), Proxy: options["proxy"]}
	if c.Cert == "" {
		c.Cert = os.Getenv("REQUESTS_CA_BUNDLE")
	}
	if !truthy(options["no-index"]) {
		index := options["index-url"]
		if index == "" {
			index = defaultIndex
		}
		c.Indexes = append([]string{index}, strings.Fields(options["extra-index-url"])...)
	}
	return c, nil
}

func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "1", "y", "yes", "t", "true", "on":
		return true
	}
	return false
}

// etc is where the machine's configuration is; tests have their own.
var etc = "/etc"

// configFiles returns the files that pip reads, the weakest first. They need not exist. Source: pip's documentation,
// "Configuration", "Configuration files".
func configFiles() (files []string) {
	named := os.Getenv("PIP_CONFIG_FILE")
	if named == os.DevNull { // the way to have none
		return nil
	}
	home, _ := os.UserHomeDir()
	add := func(elem ...string) {
		if elem[0] != "" {
			files = append(files, filepath.Join(elem...))
		}
	}
	add(named)
	if runtime.GOOS == "windows" {
		add(os.Getenv("PROGRAMDATA"), "pip", "pip.ini")
		add(home, "pip", "pip.ini")
		add(os.Getenv("APPDATA"), "pip", "pip.ini")
		add(os.Getenv("VIRTUAL_ENV"), "pip.ini")
		return files
	}
	global := os.Getenv("XDG_CONFIG_DIRS")
	if global == "" {
		global = "/etc/xdg"
	}
	for _, dir := range filepath.SplitList(global) {
		add(dir, "pip", "pip.conf")
	}
	add(etc, "pip.conf")
	if _, err := os.Stat(named); named == "" || err != nil { // a file that is named stands for the user's
		add(home, ".pip", "pip.conf")
		user := os.Getenv("XDG_CONFIG_HOME")
		if user == "" && home != "" {
			user = filepath.Join(home, ".config")
		}
		add(user, "pip", "pip.conf")
		if runtime.GOOS == "darwin" {
			add(home, "Library", "Application Support", "pip", "pip.conf")
		}
	}
	add(os.Getenv("VIRTUAL_ENV"), "pip.conf")
	return files
}

// readFile reads the options of a file's sections [global] and, stronger, [install] into options. A file that is
// not there has none.
func readFile(path string, options map[string]string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	sections := map[string]map[string]string{"global": {}, "install": {}}
	section, key := "", ""
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimPrefix(lines.Text(), "\ufeff")
		text := strings.TrimSpace(line)
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
		case line[0] == ' ' || line[0] == '\t': // goes on with the value above
			if key == "" {
				return fmt.Errorf("%s, line %d: a value without an option", path, n)
			}
			if s := sections[section]; s != nil {
				s[key] += "\n" + text
			}
		case text[0] == '[':
			end := strings.IndexByte(text, ']')
			if end < 0 {
				return fmt.Errorf("%s, line %d: a section without ]", path, n)
			}
			section, key = text[1:end], ""
		default:
			at := strings.IndexAny(text, "=:")
			if at <= 0 || section == "" {
				return fmt.Errorf("%s, line %d: want option = value below a [section]", path, n)
			}
			key = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text[:at])), "_", "-")
			if s := sections[section]; s != nil {
				s[key] = strings.TrimSpace(text[at+1:])
			}
		}
	}
	for _, name := range []string{"global", "install"} {
		for key, value := range sections[name] {
			options[key] = value
		}
	}
	return lines.Err()
}

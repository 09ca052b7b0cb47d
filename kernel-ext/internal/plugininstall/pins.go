package plugininstall

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Wheel is a pinned file of a package index.
type Wheel struct {
	Project string // as the index calls it
	Version string
	Tag     string // of Python version, its ABI and the platform, as they end the file's name
	Size    int64  // in bytes
	SHA256  string // in hexadecimal
}

// File returns the name of the wheel's file. Source: PyPA, "Binary distribution format".
func (w Wheel) File() string {
	return strings.ReplaceAll(w.Project, "-", "_") + "-" + w.Version + "-" + w.Tag + ".whl"
}

// Pin is a plugin of one platform: the wheels that it is made from, and what it becomes.
type Pin struct {
	Name     string // of the plugin
	Platform string // as "linux/amd64"
	Wheels   []Wheel
	Library  string            // the plugin's library, by its path in the wheels
	Only     []string          // patterns, as of path.Match, of what is unpacked; nil: all but Python code
	Unpacked int64             // what is unpacked, in bytes
	Env      map[string]string // what must be set before the library is loaded; ${dir} is the folder
	Needs    string            // what else the machine must have, for people
}

// Version returns the plugin's version: that of the wheel with the library.
func (p Pin) Version() string { return p.Wheels[0].Version }

// Download returns the size of the wheels in bytes.
func (p Pin) Download() (total int64) {
	for _, w := range p.Wheels {
		total += w.Size
	}
	return total
}

// keeps reports whether the file of that name is unpacked.
func (p Pin) keeps(name string) bool {
	if p.Only == nil {
		return path.Ext(name) != ".py"
	}
	return slices.ContainsFunc(p.Only, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// Requirements returns the wheels as a requirements file of pip, whose first line is the command that downloads them.
func (p Pin) Requirements() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# pip download --no-deps --require-hashes %s -d DIR -r FILE\n", strings.Join(p.pipFlags(), " "))
	for _, w := range p.Wheels {
		fmt.Fprintf(&b, "%s==%s --hash=sha256:%s\n", w.Project, w.Version, w.SHA256)
	}
	return b.String()
}

// pipFlags are the flags with which pip takes these wheels on any machine.
func (p Pin) pipFlags() []string {
	flags := []string{"--only-binary=:all:"}
	add := func(flag string) {
		if !slices.Contains(flags, flag) {
			flags = append(flags, flag)
		}
	}
	for _, w := range p.Wheels {
		tag := strings.SplitN(w.Tag, "-", 3)
		if version, ok := strings.CutPrefix(tag[0], "cp3"); ok {
			add("--python-version=3." + version)
		}
		for _, platform := range strings.Split(tag[2], ".") {
			add("--platform=" + platform)
		}
	}
	return flags
}

// PinOf returns the pin of a plugin for a platform from a table, such as Pins. The error says which plugins there are, or
// what to do on a platform without a wheel.
func PinOf(table []Pin, name, platform string) (Pin, error) {
	var platforms, names []string
	for _, p := range table {
		if p.Name == name && p.Platform == platform {
			return p, nil
		}
		if p.Name == name {
			platforms = append(platforms, p.Platform)
		}
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	if platforms == nil {
		return Pin{}, fmt.Errorf("there is no plugin %q to install: the names are %s", name, strings.Join(names, ", "))
	}
	library := "pjrt_c_api_" + name + "_plugin.so"
	switch {
	case strings.HasPrefix(platform, "darwin"):
		library = "pjrt_c_api_" + name + "_plugin.dylib"
	case strings.HasPrefix(platform, "windows"):
		library = "pjrt_c_api_" + name + "_plugin.dll"
	}
	return Pin{}, fmt.Errorf("there is no wheel of the plugin %q for %s, only for %s: take a build of XLA's %s and name it by its absolute path, as in QUIRE_BACKEND=xla:/path/%[4]s",
		name, platform, strings.Join(platforms, " and "), library)
}

// Pins returns what can be installed.
//
// Sources: the index's pages of the projects, read on 2026-11-21. The NVIDIA wheels are what pip resolved for
// jax-cuda13-pjrt on that day, because the plugin itself declares lower bounds only.
func Pins() []Pin {
	const (
		x86, arm  = "_x86_64", "_aarch64"
		ml2014    = "py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64"
		ml2010    = "py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64"
		ml1       = "py3-none-manylinux1_x86_64.manylinux_2_5_x86_64"
		ml225     = "py3-none-manylinux_2_25_x86_64"
		ml227     = "py3-none-manylinux_2_27"
		cpuNeeds  = "glibc 2.27 or newer, libstdc++.so.6"
		cudaNeeds = "an NVIDIA driver of 580 or newer, and a GPU of compute capability 7.5 or more"
	)
	cpu := func(platform string, unpacked int64, w Wheel) Pin {
		w.Project, w.Version = "xla-cpu-pjrt", "0.0.1"
		return Pin{Name: "cpu", Platform: platform, Wheels: []Wheel{w}, Library: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
			Only: []string{"xla_plugins/xla_cpu_pjrt/*.so", "*.dist-info/METADATA", "*.dist-info/*LICENSE*"}, Unpacked: unpacked, Needs: cpuNeeds}
	}
	return []Pin{
		cpu("linux/amd64", 259_284_717, Wheel{Tag: ml227 + x86, Size: 63461052, SHA256: "55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc"}),
		cpu("linux/arm64", 200_328_389, Wheel{Tag: ml227 + arm, Size: 49514947, SHA256: "8f613be6e891858f40d64f9799319502fff42689661944fc18a6ffd8210b30c9"}),
		{
			Name: "cuda", Platform: "linux/amd64", Library: "jax_plugins/xla_cuda13/xla_cuda_plugin.so", Unpacked: 4_030_007_339, Needs: cudaNeeds,
			// Where XLA looks for ptxas and libdevice.
			Env: map[string]string{"XLA_FLAGS": "--xla_gpu_cuda_data_dir=${dir}/nvidia/cu13"},
			Wheels: []Wheel{
				{"jax-cuda13-pjrt", "0.12.0.1", ml227 + x86, 134922808, "5899bb6177eda86ea532afb9a26794f2bdd04966f6a01f9028266b16c2b6cf90"},
				{"nvidia-cublas", "13.10.0.20", ml1, 444289903, "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84"},
				{"nvidia-cuda-cccl", "13.3.5.0.6", ml2014, 4113651, "d5230098fa2df5021e1a00c0c4eee41797671a91119d31e892463e5ccf3ee326"},
				{"nvidia-cuda-crt", "13.5.37", ml2014, 166163, "e898b7f73d3035fa89915a3f7bf3b54a73e90249746111aed295822c4729bb29"},
				{"nvidia-cuda-cupti", "13.5.25", ml225, 12592974, "9dcca41c12a734192b14e7128ae116bc9ce1b9da686e2ebf48ae7a4415f76650"},
				{"nvidia-cuda-nvcc", "13.5.37", ml2014, 47028279, "f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7"}, // ptxas
				{"nvidia-cuda-nvrtc", "13.5.37", ml2010, 58185930, "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc"},
				{"nvidia-cuda-runtime", "13.5.37", ml2014, 2504024, "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d"},
				{"nvidia-cudnn-cu13", "9.28.0.42", ml227 + x86, 516782127, "7358353c75bb121a58e5f7712fe6d588883dc1df8ba00f428237e44e97543c4d"},
				{"nvidia-cufft", "12.5.0.14", ml2014, 165072555, "b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad"},
				{"nvidia-cusolver", "12.4.1.2", ml227 + x86, 260003940, "b3b8e02fd2f2df869369af075dc3a179d43f6f7b85e94632a7dce556697be044"},
				{"nvidia-cusparse", "12.9.4.2", ml2014, 230422857, "072667e58c851a318738f5527a12eb225cbf058803f2ea451c722d8cf8edddec"},
				{"nvidia-nccl-cu13", "2.32.3", ml227 + x86, 305100071, "1459723080ac889d73a26edfa3e04383a7928ab31ac8f0ec43b3ea9548b04ff3"},
				{"nvidia-nvjitlink", "13.5.37", ml2010, 46642491, "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb"},
				{"nvidia-nvshmem-cu13", "3.8.0", ml2014, 182092449, "81a4d1f666543e6d34df6d2ff940c7da1435e34e186aab6f3c2b48861b64ef38"},
				{"nvidia-nvvm", "13.5.37", ml2010, 75141406, "c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070"}, // libdevice
			},
		},
		{
			Name: "tpu", Platform: "linux/amd64", Library: "libtpu/libtpu.so", Unpacked: 575_628_998, Needs: "a Cloud TPU machine",
			Only: []string{"libtpu/libtpu.so", "libtpu/LICENSE", "libtpu/THIRD_PARTY_NOTICES.txt", "*.dist-info/METADATA"},
			Wheels: []Wheel{ // one of several by Python version; the library does not depend on it
				{"libtpu", "0.0.51", "cp312-cp312-manylinux_2_31_x86_64", 204805132, "aeb662a3174a89fd9a94ac64c965a72f43c65436f5546abbcb8968c9d9552631"},
			},
		},
	}
}

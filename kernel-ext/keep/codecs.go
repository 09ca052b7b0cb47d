package keep

import ( // what takes long to make in machine learning is kept without further ado
	_ "github.com/quire-ml/quire/kernel-ext/carry/datacodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/modelcodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/tensorcodec"
)

// Before the first paint: the theme that was chosen here, if any.
const chosen = localStorage.getItem("assetkit-theme");
if (chosen) document.documentElement.dataset.theme = chosen;

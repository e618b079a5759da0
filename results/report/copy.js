// buttons that copy a command; they announce it to screen readers
(() => {
  const announcement = document.getElementById("announcement");

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false; // no permission, or no clipboard for this page
    }
  }

  function select(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const isCopied = await copy(button.dataset.copy);
    if (!isCopied) select(button.parentElement.querySelector("code"));
    button.textContent = isCopied ? "copied" : "selected";
    announcement.textContent = isCopied ? "The command is copied." : "The command is selected. Copy it.";
    setTimeout(() => {
      button.textContent = "copy";
      announcement.textContent = "";
    }, 1500);
  });
})();

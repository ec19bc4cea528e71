// Runs the scripts that are kept compressed, in their order. They are part of the page, and its policy names their hashes.
"use strict";
(async () => {
  if (!window.DecompressionStream) return;  // an old browser shows the page without them
  document.documentElement.classList.add("lively");
  for (const packed of document.querySelectorAll("script.packed")) {
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.body.append(script);
  }
})();

// Fills in the ranks of a method's rows from the files of their boards, which the page has loaded before.
"use strict";
for (const place of document.querySelectorAll("[data-rank]")) {
  const said = ((window.trustdmRanks || {})[place.dataset.board] || {})[place.dataset.rank];
  if (said) place.textContent = said;
}

import { looks } from './looks.mjs';

looks(0);
